package place

import (
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
)

// Imported are the experiments that the import has come to. It may be used by
// many goroutines at a time.
type Imported struct {
	mu   sync.Mutex
	keys map[string]Experiment // by their key at the source
}

// Experiment is what is kept of an experiment once it is done.
type Experiment struct {
	Key        string // at the destination
	Project    string // at the destination, "" where it is not known
	n          int    // how many were known before it
	Start, End *int64
	Crashed    bool
	Unfinished bool // it could not be imported whole
}

// Set notes the key that an experiment has at the destination.
func (m *Imported) Set(source string, k Experiment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k.n = len(m.keys)
	if before, ok := m.keys[source]; ok {
		k.n = before.n
	}
	if m.keys == nil {
		m.keys = make(map[string]Experiment)
	}
	m.keys[source] = k
}

// SetUnfinished notes that an experiment has its key, and not all that belongs to
// it.
func (m *Imported) SetUnfinished(source string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.keys[source]; ok {
		k.Unfinished = true
		m.keys[source] = k
	}
}

// KeyOf returns the key that an experiment has at the destination, if it has
// been part of this import.
func (m *Imported) KeyOf(source string) (string, bool) {
	k, ok := m.Get(source)
	return k.Key, ok
}

// keysSoFar is KeyOf for the experiments that are known now.
func (m *Imported) keysSoFar() func(string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := len(m.keys)
	return func(source string) (string, bool) {
		k, ok := m.Get(source)
		return k.Key, ok && k.n < known
	}
}

// Get returns what is known of an experiment.
func (m *Imported) Get(source string) (Experiment, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[source]
	return k, ok
}

// LinkReferences are those for html and notes, which come before the assets that
// they link to, or are not told which there are. They know the
// keys that are known now, so that they always make the same of a text.
func (m *Imported) LinkReferences(src *Source, root string, to Project, derived bool) *rewrite.References {
	refs := &rewrite.References{Key: m.keysSoFar(), Linked: func(id string) string { return id }}
	refs.Asset = func(string) (string, bool) { return "", false }
	if derived {
		refs.Linked = func(id string) string { return DeriveAsset(id, to) }
	}
	src.SetAddress(refs, root)
	return refs
}

// SetAddress notes that the address changes, if it does.
func (s *Source) SetAddress(r *rewrite.References, root string) {
	if s.url != "" && !s.Same {
		r.From, r.To = s.url, strings.TrimRight(root, "/")
	}
}
