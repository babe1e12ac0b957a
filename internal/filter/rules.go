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
// An experiment is kept if each of the fields Keys to Since that is set allows
// it, an asset likewise with the fields from AssetTypes on; of several values in
// one field any one will do. Asset rules are for assets of experiments: a version
// of an artifact keeps its files, or it would be another version.
type Rules struct {
	Without Resources // what is left out

	Keys     []string // of experiments
	Names    []Glob   // of experiments; one without a name has the name ""
	Tags     []string
	Archived Archived
	Since    time.Time // started or ended then or later, or still running; zero = always

	AssetTypes   []string     // a type that is absent or empty counts as "asset"
	AssetNames   []Glob       // an asset without a name has the name ""
	MaxAssetSize stream.Int64 // in bytes; an asset of unknown size is kept

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

// empty reports whether the rules keep everything as it is.
func (r *Rules) empty() bool {
	return r.Without == 0 && !r.selectsExperiments() && !r.selectsAssets() && r.Renames.empty()
}

func (r *Rules) selectsExperiments() bool {
	return len(r.Keys)+len(r.Names)+len(r.Tags) > 0 || r.Archived != ArchivedIncluded || !r.Since.IsZero()
}

func (r *Rules) selectsAssets() bool {
	return len(r.AssetTypes)+len(r.AssetNames) > 0 || r.MaxAssetSize.OK
}

// experiment reports whether an experiment is kept. It cannot tell by tags
// where the stream has left them out.
func (r *Rules) experiment(e *stream.Experiment) (bool, error) {
	if len(r.Tags) > 0 && e.Doc == nil {
		return false, fmt.Errorf("experiment %q: its tags are not in the stream, which was made without metadata", e.Key)
	}
	keep := r.key(e.Key) && r.name(deref(e.Name)) &&
		(len(r.Tags) == 0 || slices.ContainsFunc(e.Tags, func(t string) bool { return slices.Contains(r.Tags, t) })) &&
		(r.Archived == ArchivedIncluded || e.Archived == (r.Archived == ArchivedOnly)) &&
		r.since(e)
	return keep, nil
}

// skippedExperiment reports whether the record of an experiment that the stream
// has not is kept: it is unless what it tells is enough to say no.
func (r *Rules) skippedExperiment(s *stream.Skipped) bool {
	return (s.Experiment == nil || r.key(*s.Experiment)) && (s.Name == nil || r.name(*s.Name))
}

func (r *Rules) key(key string) bool { return len(r.Keys) == 0 || slices.Contains(r.Keys, key) }

func (r *Rules) name(name string) bool { return len(r.Names) == 0 || matchAny(r.Names, name) }

func (r *Rules) since(e *stream.Experiment) bool {
	if r.Since.IsZero() || e.Running {
		return true
	}
	if e.Start == nil && e.End == nil {
		return true // nothing says that it is older
	}
	since := r.Since.UnixMilli()
	return e.Start != nil && *e.Start >= since || e.End != nil && *e.End >= since
}

// asset reports whether an asset of an experiment is kept.
func (r *Rules) asset(a *stream.Asset) bool {
	return (len(r.AssetTypes) == 0 || slices.Contains(r.AssetTypes, assetType(deref(a.Type)))) &&
		r.assetName(deref(a.Name)) &&
		(!r.MaxAssetSize.OK || a.Size == nil || *a.Size <= r.MaxAssetSize.V)
}

func (r *Rules) assetName(name string) bool {
	return len(r.AssetNames) == 0 || matchAny(r.AssetNames, name)
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
