package selection

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Search notes what there is of what a selection is about. Its methods may be
// called from any goroutine.
type Search struct {
	selection *Selection

	mu      sync.Mutex
	wanted  map[string]bool // keys that are asked for and have not been found
	matched bool            // something has been kept, or would have been but for SkipKeys
	seen    bool            // there was an experiment
	dropped keySet

	assetMatched, assetDropped bool // an asset has been kept, has been left out
}

// Search returns the search for what s selects. Keys of experiments that are to be
// left out are not searched for.
func (s *Selection) Search() *Search {
	f := &Search{selection: s}
	if !s.Invert {
		f.wanted = maps.Clone(s.Keys)
	}
	return f
}

// Found notes that there is an experiment, whether it is chosen or not.
func (f *Search) Found(key string) {
	f.mu.Lock()
	f.seen = true
	delete(f.wanted, key)
	f.mu.Unlock()
}

// Experiment is [Selection.Experiment], and notes the answer. It is asked once
// all is known of an experiment that is going to be.
func (f *Search) Experiment(e *Experiment) bool {
	f.Found(e.Key)
	if f.selection.matches(e) {
		f.Match()
	}
	kept := f.selection.Experiment(e)
	if !kept {
		f.mu.Lock()
		f.dropped.add(e.Key)
		f.mu.Unlock()
	}
	return kept
}

// Dropped reports whether an experiment has been seen that is not kept.
func (f *Search) Dropped(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropped.has(key)
}

// Gone reports whether what belongs to an experiment goes with it: it has been
// dropped, or would be if it were seen.
func (f *Search) Gone(key string) bool {
	return f.Dropped(key) || !f.selection.AbsentExperiment(&key, nil)
}

// Match notes that something is kept.
func (f *Search) Match() {
	f.mu.Lock()
	f.matched = true
	f.mu.Unlock()
}

// Asset is [Selection.Asset], and notes the answer.
func (f *Search) Asset(typ, name *string, size *int64) bool {
	kept := f.selection.Asset(typ, name, size)
	f.mu.Lock()
	if kept {
		f.assetMatched = true
	} else {
		f.assetDropped = true
	}
	f.mu.Unlock()
	return kept
}

// MatchAsset notes that assets may have been kept that are not seen.
func (f *Search) MatchAsset() {
	f.mu.Lock()
	f.assetMatched = true
	f.mu.Unlock()
}

// NoAsset returns a [*NothingError] if there were assets and the selection has left
// none of them.
func (f *Search) NoAsset() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.selection
	if f.assetMatched || !f.assetDropped || len(s.SkipKeys) > 0 {
		return nil
	}
	return &NothingError{of: "asset", what: s.describeAssets(), all: s.Invert}
}

// Nothing returns a [*NothingError] if experiments were to be chosen and none
// has been, unless Missing says why.
func (f *Search) Nothing() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.selection
	if f.matched || !s.choosesExperiments() || len(f.wanted) > 0 || s.Invert && !f.seen {
		return nil
	}
	return &NothingError{of: "experiment", what: s.describe(), all: s.Invert}
}

// A NothingError says that a selection has left no experiment, or no asset.
type NothingError struct {
	of   string // of what nothing is left
	what string // what the selection asks of each
	all  bool   // it leaves out what is so
}

// OfAssets reports whether it is assets of which nothing is left.
func (e *NothingError) OfAssets() bool { return e.of == "asset" }

// Error says what none of them has, or all have.
func (e *NothingError) Error() string {
	if e.all {
		return fmt.Sprintf("no %s is left: each %s", e.of, e.what)
	}
	return fmt.Sprintf("no %s %s", e.of, e.what)
}

// A description says what experiments or assets are chosen by: verbs with their
// objects.
type description []string

// either adds the values of one field, of which any will do.
func (d *description) either(one, several string, values []string) {
	switch len(values) {
	case 0:
	case 1:
		*d = append(*d, fmt.Sprintf("%s %q", one, values[0]))
	default:
		quoted := make([]string, min(len(values), maxNamed))
		for i := range quoted {
			quoted[i] = fmt.Sprintf("%q", values[i])
		}
		if more := len(values) - len(quoted); more > 0 {
			quoted = append(quoted, fmt.Sprintf("%d more", more))
		}
		*d = append(*d, several+" "+strings.Join(quoted, ", "))
	}
}

func (d description) String() string { return strings.Join(d, " and ") }

func (s *Selection) describeAssets() string {
	var parts description
	parts.either("has a name like", "has a name like one of", globTexts(s.AssetNames))
	parts.either("is of type", "is of one of the types", s.AssetTypes)
	if s.MaxAssetSize.OK {
		parts = append(parts, fmt.Sprintf("has at most %d bytes", s.MaxAssetSize.V))
	}
	return parts.String()
}

func (s *Selection) describe() string {
	var parts description
	if s.Keys != nil && len(s.Keys) == 0 {
		parts = append(parts, "is in the list of keys, which is empty")
	}
	parts.either("has the key", "has one of the keys", slices.Sorted(maps.Keys(s.Keys)))
	parts.either("has a name like", "has a name like one of", globTexts(s.Names))
	parts.either("has the tag", "has one of the tags", s.Tags)
	for _, c := range s.Where {
		parts = append(parts, fmt.Sprintf("fulfils %q", c.String()))
	}
	switch s.Archived {
	case ArchivedOnly:
		parts = append(parts, "is archived")
	case ArchivedExclude:
		parts = append(parts, "is not archived")
	}
	if !s.Since.IsZero() {
		parts = append(parts, "is running, has started or has ended since "+s.sinceText())
	}
	return parts.String()
}

// Missing returns the keys that were asked for and have not been found, sorted.
// Keys of other shards are reported there.
func (f *Search) Missing() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.wanted)), func(key string) bool { return !f.selection.Shard.Has(key) })
}

// maxNamed is how many keys a message names.
const maxNamed = 10

// QuoteKeys names experiments by their keys for a message, the first of them if
// there are many.
func QuoteKeys(keys []string) string {
	var parts []string
	for _, key := range keys[:min(len(keys), maxNamed)] {
		parts = append(parts, fmt.Sprintf("experiment %q", key))
	}
	text := strings.Join(parts, ", ")
	if more := len(keys) - len(parts); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
