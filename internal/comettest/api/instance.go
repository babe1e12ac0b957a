package api

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/mood"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// Instance is what all calls are answered from.
type Instance struct {
	Store      *store.Store
	Moods      mood.Current
	Keys       []Key
	Limits     Limits
	Statuses   []string // of versions of registry models
	Release    string   // the version that the server says it is
	Prefix     string   // of all paths
	Now        func() int64
	StorageURL func() (string, error) // of the second host

	// HeartbeatTimeout ends the running state of an experiment that was not heard of
	// for so long.
	HeartbeatTimeout time.Duration

	mu    sync.Mutex
	turns map[string]int
}

// Turn returns how far a listing has been turned, and turns it further.
func (in *Instance) Turn(listing string, by int) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.turns == nil {
		in.turns = make(map[string]int)
	}
	was := in.turns[listing]
	in.turns[listing] += by
	return was
}

// Version is a server version of three numbers.
type Version [3]int

// ParseVersion reads three numbers with dots.
func ParseVersion(text string) (v Version, err error) {
	_, err = fmt.Sscanf(text, "%d.%d.%d", &v[0], &v[1], &v[2])
	return v, err
}

// Less reports whether v is older than w.
func (v Version) Less(w Version) bool {
	return slices.Compare(v[:], w[:]) < 0
}
