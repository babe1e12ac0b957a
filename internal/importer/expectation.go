package importer

import (
	"encoding/json"
	"sync"

	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/stream"
)

// An expectation is what a verification has to find of an experiment. It holds
// hashes in place of contents.
type expectation struct {
	mu         sync.Mutex
	parameters map[uint64]uint64 // hash of the name: hash of the current value
	others     map[uint64]uint64
	texts      map[stream.Kind]content.Sum
	assets     map[string]upload.Expected // by their ids at the source
	skipped    map[string]bool            // ids of assets that the stream has not; "" for some
	tags       []string
	name       *string
	filePath   string
	system     map[string]json.RawMessage
	git        *gitDoc
}

func newExpectation() *expectation {
	return &expectation{
		parameters: make(map[uint64]uint64), others: make(map[uint64]uint64),
		texts:  make(map[stream.Kind]content.Sum),
		assets: make(map[string]upload.Expected),
	}
}

// note changes what is expected.
func (x *expectation) note(f func(*expectation)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(x)
}

func (x *expectation) asset(a *upload.Asset) {
	x.assets[a.Record.ID] = upload.Expected{Issue: a.Issue(), ID: a.Upload.ID, Sum: content.NewSum(a.Upload.Size, a.SHA256), Remote: a.Record.Remote}
}

// skip notes an asset that the source has and the stream has not.
func (x *expectation) skip(id string) {
	if x.skipped == nil {
		x.skipped = make(map[string]bool)
	}
	x.skipped[id] = true
}
