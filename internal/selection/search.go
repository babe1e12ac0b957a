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

// Nothing returns a [*NothingError] if experiments were to be chosen and none
// has been, unless Missing says why.
func (f *Search) Nothing() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.selection
	if f.matched || !s.choosesExperiments() || len(f.wanted) > 0 || s.Invert && !f.seen {
		return nil
	}
	return &NothingError{what: s.describe(), all: s.Invert}
}

// A NothingError says that a selection has left no experiment.
type NothingError struct {
	what string // what the selection asks of an experiment
	all  bool   // it leaves out what is so
}

// Error says what none of them has, or all have.
func (e *NothingError) Error() string {
	if e.all {
		return "no experiment is left: each " + e.what
	}
	return "no experiment " + e.what
}

// describe says what experiments are chosen by, as a verb and its object.
func (s *Selection) describe() string {
	var parts []string
	either := func(one, several string, values []string) {
		switch len(values) {
		case 0:
		case 1:
			parts = append(parts, fmt.Sprintf("%s %q", one, values[0]))
		default:
			quoted := make([]string, min(len(values), maxNamed))
			for i := range quoted {
				quoted[i] = fmt.Sprintf("%q", values[i])
			}
			if more := len(values) - len(quoted); more > 0 {
				quoted = append(quoted, fmt.Sprintf("%d more", more))
			}
			parts = append(parts, several+" "+strings.Join(quoted, ", "))
		}
	}
	if s.Keys != nil && len(s.Keys) == 0 {
		parts = append(parts, "is in the list of keys, which is empty")
	}
	either("has the key", "has one of the keys", slices.Sorted(maps.Keys(s.Keys)))
	either("has a name like", "has a name like one of", globTexts(s.Names))
	either("has the tag", "has one of the tags", s.Tags)
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
	return strings.Join(parts, " and ")
}

// Missing returns the keys that were asked for and have not been found, sorted. Those
// of other shards are theirs to miss.
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
