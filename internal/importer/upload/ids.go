package upload

import "sync"

// idKeeping is what has turned out about the ids of assets that a destination
// was given.
type idKeeping int

const (
	// IDsUnknown is so until the first asset has been written.
	IDsUnknown idKeeping = iota
	// IDsKept is what all clients rely on, though no document promises it.
	IDsKept
	// IDsAssigned says that the destination gives assets ids of its own. They are
	// recognised by their likeness.
	IDsAssigned
)

// idKeeper finds out, once for all experiments.
type idKeeper struct {
	mu     sync.Mutex
	state  idKeeping
	asking bool
}

func (k *idKeeper) Get() idKeeping {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// Set notes what was found out. An id that was kept is proof, likeness is not.
func (k *idKeeper) Set(state idKeeping) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != IDsKept {
		k.state = state
	}
}

// Ask runs f to find out, unless that is known or somebody else is at it.
func (k *idKeeper) Ask(f func() error) error {
	k.mu.Lock()
	if k.state != IDsUnknown || k.asking {
		k.mu.Unlock()
		return nil
	}
	k.asking = true
	k.mu.Unlock()
	err := f()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asking = false
	return err
}
