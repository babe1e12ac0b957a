// Package selection decides which experiments and assets a user wants. It has the
// one meaning of --key, --name, --tag, --since and the like, for what a server
// lists and for what a stream holds.
package selection

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/stream"
)

// A Selection chooses experiments and assets of experiments. The zero value
// chooses everything.
//
// An experiment is chosen if each of the fields Keys to Since that is set allows
// it, an asset likewise with the fields from AssetTypes on; of several values in
// one field any one will do. What is chosen is kept and what is not is left out,
// or the other way round. What is not known well enough to choose is kept either
// way.
//
// Asset rules are for assets of experiments: a version of an artifact keeps its
// files, or it would be another version.
type Selection struct {
	// Shard is the part of all that is chosen here, whatever Invert says. It is
	// for what belongs to no experiment, too, and so is asked for by itself: the
	// methods of Selection do not look at it.
	Shard Shard

	Invert bool // leave out the experiments and assets that are chosen, keep the others

	Keys     map[string]bool // of experiments; nil = all
	SkipKeys map[string]bool // of experiments that are left out whatever else is said
	Names    []Glob          // of experiments; one without a name has the name ""
	Tags     []string
	Where    []Condition // all of which must hold
	Archived Archived
	Since    time.Time // started or ended at this time or later, or running; zero = always
	// SinceText is Since as the user gave it: "30d" says the same today and
	// tomorrow, when Since does not.
	SinceText string

	AssetTypes   []string     // a type that is absent or empty counts as "asset"
	AssetNames   []Glob       // an asset without a name has the name ""
	MaxAssetSize stream.Int64 // in bytes
}

// Archived says what to do with archived experiments.
type Archived string

// The values of [Archived]; the zero value is ArchivedInclude.
const (
	ArchivedInclude Archived = "include" // they are kept like others
	ArchivedExclude Archived = "exclude" // they are left out
	ArchivedOnly    Archived = "only"    // all others are left out
)

// An Experiment is what is known of an experiment when it is chosen.
type Experiment struct {
	Key               string
	Name              *string // nil = none
	Tags              []string
	NoTags            bool  // its tags are not known
	Holds             *bool // whether all of Where holds; nil if that is not known
	Start, End        *int64
	Archived, Running bool

	absent bool // nothing is known but Key and Name, if these are
}

// Empty reports whether everything is chosen.
func (s *Selection) Empty() bool {
	return s.Shard.Whole() && !s.SelectsExperiments() && !s.SelectsAssets()
}

// Chooses reports whether Invert has something to turn round.
func (s *Selection) Chooses() bool { return s.choosesExperiments() || s.SelectsAssets() }

// SelectsExperiments reports whether experiments may be left out.
func (s *Selection) SelectsExperiments() bool { return s.choosesExperiments() || len(s.SkipKeys) > 0 }

// Narrows reports whether the experiments that are kept are those that fields
// describe, so that there may be none such.
func (s *Selection) Narrows() bool { return s.choosesExperiments() && !s.Invert }

// ByKeysAlone reports whether experiments are kept by their keys, and by what is asked
// of each: nothing that a listing tells decides, or what is not listed.
func (s *Selection) ByKeysAlone() bool {
	return s.Keys != nil && !s.Invert && len(s.Names) == 0 && !s.choosesArchived() && s.Since.IsZero()
}

func (s *Selection) choosesExperiments() bool {
	return s.Keys != nil || len(s.Names)+len(s.Tags)+len(s.Where) > 0 || s.choosesArchived() || !s.Since.IsZero()
}

func (s *Selection) choosesArchived() bool { return s.Archived != "" && s.Archived != ArchivedInclude }

// SelectsAssets reports whether assets may be left out.
func (s *Selection) SelectsAssets() bool {
	return len(s.AssetTypes)+len(s.AssetNames) > 0 || s.MaxAssetSize.OK
}

// A choice is what a rule says of an experiment or an asset.
type choice int

const (
	excluded choice = iota
	undecided
	included
)

func choose(chosen bool) choice {
	if chosen {
		return included
	}
	return excluded
}

// keeps reports whether what is chosen so is kept.
func (s *Selection) keeps(c choice) bool {
	if s.Invert {
		return c != included
	}
	return c != excluded
}

// Experiment reports whether an experiment is kept.
func (s *Selection) Experiment(e *Experiment) bool { return !s.SkipKeys[e.Key] && s.matches(e) }

// matches is Experiment as if there were no SkipKeys.
func (s *Selection) matches(e *Experiment) bool {
	return !s.choosesExperiments() ||
		s.keeps(min(s.key(e), s.name(e), s.tagged(e), s.where(e), s.archived(e), s.since(e)))
}

// AbsentExperiment reports whether an experiment is kept of which nothing is at
// hand but its key and name, either of them nil if it is not known.
func (s *Selection) AbsentExperiment(key, name *string) bool {
	return s.Experiment(&Experiment{Key: deref(key), Name: name, NoTags: true, absent: true})
}

func (s *Selection) key(e *Experiment) choice {
	switch {
	case s.Keys == nil:
		return included
	case e.absent && e.Key == "":
		return undecided
	}
	return choose(s.Keys[e.Key])
}

func (s *Selection) name(e *Experiment) choice {
	switch {
	case len(s.Names) == 0:
		return included
	case e.absent && e.Name == nil:
		return undecided
	}
	return choose(matchAny(s.Names, deref(e.Name)))
}

func (s *Selection) tagged(e *Experiment) choice {
	switch {
	case len(s.Tags) == 0:
		return included
	case e.NoTags:
		return undecided
	}
	return choose(slices.ContainsFunc(e.Tags, func(t string) bool { return slices.Contains(s.Tags, t) }))
}

func (s *Selection) where(e *Experiment) choice {
	switch {
	case len(s.Where) == 0:
		return included
	case e.Holds == nil:
		return undecided
	}
	return choose(*e.Holds)
}

func (s *Selection) archived(e *Experiment) choice {
	if s.choosesArchived() && e.absent {
		return undecided
	}
	return choose(!s.choosesArchived() || e.Archived == (s.Archived == ArchivedOnly))
}

func (s *Selection) since(e *Experiment) choice {
	switch since := s.Since.UnixMilli(); {
	case s.Since.IsZero() || e.Running:
		return included
	case e.Start == nil && e.End == nil:
		return undecided
	default:
		return choose(e.Start != nil && *e.Start >= since || e.End != nil && *e.End >= since)
	}
}

// Asset reports whether an asset of an experiment is kept. A nil size is not
// known.
func (s *Selection) Asset(typ, name *string, size *int64) bool {
	if !s.SelectsAssets() {
		return true
	}
	known := included
	if s.MaxAssetSize.OK {
		if known = undecided; size != nil {
			known = choose(*size <= s.MaxAssetSize.V)
		}
	}
	ofType := choose(len(s.AssetTypes) == 0 || slices.Contains(s.AssetTypes, cmp.Or(deref(typ), "asset")))
	return s.keeps(min(ofType, s.assetName(name), known))
}

// AbsentAsset reports whether an asset is kept of which nothing is at hand but
// its name, nil if that is not known.
func (s *Selection) AbsentAsset(name *string) bool {
	if !s.SelectsAssets() {
		return true
	}
	c := included
	if len(s.AssetNames) > 0 {
		if c = undecided; name != nil {
			c = s.assetName(name)
		}
	}
	if len(s.AssetTypes) > 0 || s.MaxAssetSize.OK {
		c = min(c, undecided)
	}
	return s.keeps(c)
}

func (s *Selection) assetName(name *string) choice {
	return choose(len(s.AssetNames) == 0 || matchAny(s.AssetNames, deref(name)))
}

func matchAny(globs []Glob, name string) bool {
	return slices.ContainsFunc(globs, func(g Glob) bool { return g.Match(name) })
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Flags returns the selection as the header of a stream has it: two exports of
// the same paths are the same if these are.
func (s *Selection) Flags() []string {
	var list []string
	add := func(name, value string) {
		list = append(list, "--"+name+" "+strings.ToValidUTF8(value, "\ufffd"))
	}
	set := func(name string, values []string) {
		for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
			add(name, v)
		}
	}
	if s.choosesArchived() {
		add("archived", string(s.Archived))
	}
	set("asset-name", globTexts(s.AssetNames))
	set("asset-type", s.AssetTypes)
	if s.Invert {
		list = append(list, "--exclude")
	}
	if s.Keys != nil {
		add("keys-from", fingerprint(s.Keys))
	}
	if s.MaxAssetSize.OK {
		add("max-asset-size", strconv.FormatInt(s.MaxAssetSize.V, 10))
	}
	set("name", globTexts(s.Names))
	if !s.Shard.Whole() {
		add("shard", s.Shard.String())
	}
	if !s.Since.IsZero() {
		add("since", s.sinceText())
	}
	if len(s.SkipKeys) > 0 {
		add("skip-keys-from", fingerprint(s.SkipKeys))
	}
	set("tag", s.Tags)
	set("where", conditionTexts(s.Where))
	return list
}

// HeaderFlags returns those of Flags that nothing but a header tells: which assets are
// left out of experiments that are there, and the shard.
func (s *Selection) HeaderFlags() []string {
	reported := &Selection{Shard: s.Shard, AssetTypes: s.AssetTypes, AssetNames: s.AssetNames, MaxAssetSize: s.MaxAssetSize}
	reported.Invert = s.Invert && s.SelectsAssets()
	return reported.Flags()
}

func (s *Selection) sinceText() string {
	return cmp.Or(s.SinceText, s.Since.UTC().Format(time.RFC3339Nano))
}

func conditionTexts(conditions []Condition) []string {
	texts := make([]string, len(conditions))
	for i := range conditions {
		texts[i] = conditions[i].String()
	}
	return texts
}

func globTexts(globs []Glob) []string {
	texts := make([]string, len(globs))
	for i, g := range globs {
		texts[i] = g.String()
	}
	return texts
}

// fingerprint stands for a set of keys.
func fingerprint(keys map[string]bool) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(maps.Keys(keys)), "\n")))
	return fmt.Sprintf("%d:%x", len(keys), sum[:8])
}
