package transport

import (
	"sync/atomic"
	"time"
)

// Counters count what is sent and received. They may be read at any time and shared
// between chains.
type Counters struct {
	Requests  atomic.Int64 // tries sent, redirects included
	Retries   atomic.Int64 // tries that repeat a failed one
	Throttled atomic.Int64 // answers 429
	BytesIn   atomic.Int64 // bytes of answers, as decoded from gzip
	BytesOut  atomic.Int64 // bytes of request bodies
	Waiting   atomic.Int64 // calls that wait to be sent or repeated, now
}

// Timeouts bound waits for the network. No timeout bounds a whole request:
// a body may take as long as it keeps moving.
type Timeouts struct {
	Connect time.Duration
	Answer  time.Duration // from the end of the request to the first byte of the answer
	Stall   time.Duration // without a byte in either direction of a body
}
