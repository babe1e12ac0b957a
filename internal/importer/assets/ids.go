package assets

import (
	"sync"

	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
)

// ids are those that the assets of an experiment have at the destination.
type ids struct {
	target  place.Project
	derives bool // all of them are derived

	mu      sync.Mutex
	known   map[uint64]struct{} // hashes of the ids at the source
	changed map[string]string   // those that are others at the destination for another reason
}

// own returns the id that an asset gets if that is not taken.
func (x *ids) own(id string) string {
	if x.derives {
		return x.derived(id)
	}
	return id
}

// derived returns the one that it gets if it is.
func (x *ids) derived(id string) string { return place.DeriveAsset(id, x.target) }

// now returns the id that an asset of the experiment has at the destination.
func (x *ids) now(id string) (string, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, ok := x.known[document.Hash(id)]; !ok {
		return "", false
	}
	if now, ok := x.changed[id]; ok {
		return now, true
	}
	return x.own(id), true
}

func (x *ids) add(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.known[document.Hash(id)] = struct{}{}
}

// change notes that an asset has another id at the destination.
func (x *ids) change(id, now string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.changed[id] = now
}

// keep takes a change back.
func (x *ids) keep(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.changed, id)
}
