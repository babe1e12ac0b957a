package report

import "sync/atomic"

// Counters count what has been done. Those that are nil are not used.
type Counters struct {
	Planned     *atomic.Int64 // experiments that the streams announce
	Experiments *atomic.Int64 // experiments done
	Points      *atomic.Int64 // metric points compared or written
	Assets      *atomic.Int64 // assets compared or written
	Skipped     *atomic.Int64 // items that the source has and the stream lacks
}
