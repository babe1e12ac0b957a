package session

import (
	"sync"
	"sync/atomic"
)

// reopening marks a finished experiment while it is written to.
//
// Every write moves its end, which is set again when all is done. An import that
// is killed before leaves an end that could be anyone's; the mark tells the next
// one that it was ours.
type reopening struct {
	Found bool // by this import, of one before

	mu   sync.Mutex
	Done bool
	// tried is true where a mark may have been made, half where something was
	// written in part that only the mark tells from what somebody has changed.
	Tried, Half atomic.Bool
}
