package selection

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Search is for the experiments that a selection names by key: which of them
// there are. Its methods may be called from any goroutine.
type Search struct {
	mu     sync.Mutex
	wanted map[string]bool
}

// Search returns the search for the keys of s. Keys of experiments that are to
// be left out are not searched for.
func (s *Selection) Search() *Search {
	if s.Invert {
		return &Search{}
	}
	return &Search{wanted: maps.Clone(s.Keys)}
}

// Found notes that there is an experiment, whether it is chosen or not.
func (f *Search) Found(key string) {
	f.mu.Lock()
	delete(f.wanted, key)
	f.mu.Unlock()
}

// Missing returns the keys that were asked for and have not been found, sorted.
func (f *Search) Missing() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.wanted))
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
