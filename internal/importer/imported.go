package importer

import (
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
)

// imported are the experiments that the import has come to. It may be used by
// many goroutines at a time.
type imported struct {
	mu   sync.Mutex
	keys map[string]importedKey // by their key at the source
}

// importedKey is what is kept of an experiment once it is done.
type importedKey struct {
	key        string // at the destination
	n          int    // how many were known before it
	start, end *int64
	crashed    bool
	unfinished bool // it could not be imported whole
}

// setKey notes the key that an experiment has at the destination.
func (m *imported) setKey(source string, k importedKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k.n = len(m.keys)
	if before, ok := m.keys[source]; ok {
		k.n = before.n
	}
	if m.keys == nil {
		m.keys = make(map[string]importedKey)
	}
	m.keys[source] = k
}

// setUnfinished notes that an experiment has its key, and not all that belongs to
// it.
func (m *imported) setUnfinished(source string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.keys[source]; ok {
		k.unfinished = true
		m.keys[source] = k
	}
}

// keyOf returns the key that an experiment has at the destination, if it has
// been part of this import.
func (m *imported) keyOf(source string) (string, bool) {
	k, ok := m.get(source)
	return k.key, ok
}

// keysSoFar is keyOf for the experiments that are known now.
func (m *imported) keysSoFar() func(string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := len(m.keys)
	return func(source string) (string, bool) {
		k, ok := m.get(source)
		return k.key, ok && k.n < known
	}
}

func (m *imported) get(source string) (importedKey, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[source]
	return k, ok
}

// linkReferences are those for html and notes, which come before the assets that
// they link to, or are not told which there are. They know the
// keys that are known now, so that they always make the same of a text.
func (k *imported) linkReferences(src *source, root string, to Project, derived bool) *rewrite.References {
	refs := &rewrite.References{Key: k.keysSoFar(), Linked: func(id string) string { return id }}
	refs.Asset = func(string) (string, bool) { return "", false }
	if derived {
		refs.Linked = func(id string) string { return deriveAsset(id, to) }
	}
	src.setAddress(refs, root)
	return refs
}

// setAddress notes that the address changes, if it does.
func (s *source) setAddress(r *rewrite.References, root string) {
	if s.url != "" && !s.same {
		r.From, r.To = s.url, strings.TrimRight(root, "/")
	}
}
