package filter

import (
	"fmt"
	"slices"
	"time"

	"github.com/comet-stream/comet-stream/stream"
)

// Rules say what a filter drops and changes. The zero value keeps everything as
// it is.
//
// An experiment is chosen if each of the fields Keys to Since that is set allows
// it, an asset likewise with the fields from AssetTypes on; of several values in
// one field any one will do. What is chosen is kept and what is not is dropped,
// or the other way round. What the stream does not say enough about to choose is
// kept either way.
//
// Asset rules are for assets of experiments: a version of an artifact keeps its
// files, or it would be another version.
type Rules struct {
	Without stream.Resources // what is left out
	Invert  bool             // drop the experiments and assets that are chosen, keep the others

	Keys     []string // of experiments
	Names    []Glob   // of experiments; one without a name has the name ""
	Tags     []string
	Archived Archived
	Since    time.Time // started or ended then or later, or still running; zero = always

	AssetTypes   []string     // a type that is absent or empty counts as "asset"
	AssetNames   []Glob       // an asset without a name has the name ""
	MaxAssetSize stream.Int64 // in bytes

	Renames Renames
}

// Archived says what becomes of archived experiments.
type Archived uint8

// The values of [Archived].
const (
	ArchivedIncluded Archived = iota // they are kept like others
	ArchivedExcluded                 // they are dropped
	ArchivedOnly                     // all others are dropped
)

// Empty reports whether the rules keep everything as it is.
func (r *Rules) Empty() bool { return r.Without == 0 && !r.Selects() && r.Renames.empty() }

// Selects reports whether the rules choose experiments or assets.
func (r *Rules) Selects() bool { return r.selectsExperiments() || r.selectsAssets() }

func (r *Rules) selectsExperiments() bool {
	return len(r.Keys)+len(r.Names)+len(r.Tags) > 0 || r.Archived != ArchivedIncluded || !r.Since.IsZero()
}

func (r *Rules) selectsAssets() bool {
	return len(r.AssetTypes)+len(r.AssetNames) > 0 || r.MaxAssetSize.OK
}

// A choice is what a rule says of an experiment or an asset.
type choice int

const (
	no choice = iota
	unsure
	yes
)

func choose(chosen bool) choice {
	if chosen {
		return yes
	}
	return no
}

// keeps reports whether what is chosen so is kept.
func (r *Rules) keeps(c choice) bool {
	if r.Invert {
		return c != yes
	}
	return c != no
}

// experiment reports whether an experiment is kept. It cannot tell by tags
// where the stream has left them out.
func (r *Rules) experiment(e *stream.Experiment) (bool, error) {
	if !r.selectsExperiments() {
		return true, nil
	}
	if len(r.Tags) > 0 && e.Doc == nil {
		return false, fmt.Errorf("experiment %q: its tags are not in the stream, which was made without metadata", e.Key)
	}
	tagged := len(r.Tags) == 0 || slices.ContainsFunc(e.Tags, func(t string) bool { return slices.Contains(r.Tags, t) })
	archived := r.Archived == ArchivedIncluded || e.Archived == (r.Archived == ArchivedOnly)
	c := min(r.key(e.Key), r.name(e.Name), choose(tagged), choose(archived), r.since(e))
	return r.keeps(c), nil
}

// absent reports whether an experiment is kept that the stream has not, for
// what tells about it: its key, and its name where that is known.
func (r *Rules) absent(key *string, name *string) bool {
	if !r.selectsExperiments() {
		return true
	}
	c := yes
	if len(r.Keys) > 0 {
		if c = unsure; key != nil {
			c = r.key(*key)
		}
	}
	if len(r.Names) > 0 {
		if name != nil {
			c = min(c, r.name(name))
		} else {
			c = min(c, unsure)
		}
	}
	if len(r.Tags) > 0 || r.Archived != ArchivedIncluded || !r.Since.IsZero() {
		c = min(c, unsure)
	}
	return r.keeps(c)
}

func (r *Rules) key(key string) choice {
	return choose(len(r.Keys) == 0 || slices.Contains(r.Keys, key))
}

func (r *Rules) name(name *string) choice {
	return choose(len(r.Names) == 0 || matchAny(r.Names, deref(name)))
}

func (r *Rules) since(e *stream.Experiment) choice {
	switch since := r.Since.UnixMilli(); {
	case r.Since.IsZero() || e.Running:
		return yes
	case e.Start == nil && e.End == nil:
		return unsure
	default:
		return choose(e.Start != nil && *e.Start >= since || e.End != nil && *e.End >= since)
	}
}

// asset reports whether an asset of an experiment is kept.
func (r *Rules) asset(a *stream.Asset) bool {
	typ := choose(len(r.AssetTypes) == 0 || slices.Contains(r.AssetTypes, assetType(deref(a.Type))))
	size := yes
	if r.MaxAssetSize.OK {
		if size = unsure; a.Size != nil {
			size = choose(*a.Size <= r.MaxAssetSize.V)
		}
	}
	return r.keeps(min(typ, r.assetName(a.Name), size))
}

// absentAsset reports whether an asset is kept that the stream has not, by its
// name where that is known.
func (r *Rules) absentAsset(name *string) bool {
	if !r.selectsAssets() {
		return true
	}
	c := yes
	if len(r.AssetNames) > 0 {
		if c = unsure; name != nil {
			c = r.assetName(name)
		}
	}
	if len(r.AssetTypes) > 0 || r.MaxAssetSize.OK {
		c = min(c, unsure)
	}
	return r.keeps(c)
}

func (r *Rules) assetName(name *string) choice {
	return choose(len(r.AssetNames) == 0 || matchAny(r.AssetNames, deref(name)))
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

// assetType returns the type of an asset; one that is absent is "asset".
func assetType(typ string) string {
	if typ == "" {
		return "asset"
	}
	return typ
}
