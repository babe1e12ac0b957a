package importer

import (
	"encoding/json"
	"sync"
)

// An expectation is what a verification has to find of an experiment. It holds
// hashes in place of contents.
type expectation struct {
	mu         sync.Mutex
	parameters map[uint64]uint64 // hash of the name: hash of the current value
	others     map[uint64]uint64
	checks     []check // of items
	name       *string
	filePath   string
	system     map[string]json.RawMessage
}

func newExpectation() *expectation {
	return &expectation{
		parameters: make(map[uint64]uint64), others: make(map[uint64]uint64),
	}
}

// note changes what is expected.
func (x *expectation) note(f func(*expectation)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(x)
}
