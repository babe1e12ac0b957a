package points

import (
	"sync"

	"golang.org/x/sync/semaphore"
)

// Limits bound what the points of all experiments take, and hold what has
// turned out of how a destination shows metrics.
type Limits struct {
	batches *semaphore.Weighted // batches of points that wait to be written
	// seriesCap is how many points of a metric the destination keeps.
	seriesCap int64
	// rewriteSeries writes the points that are not shown in any case.
	rewriteSeries bool

	mu    sync.Mutex
	shown struct{ together, each showing } // guarded by mu
}

const maxBatches = 24

// NewLimits returns limits for one import.
func NewLimits(seriesCap int64, rewriteSeries bool) *Limits {
	return &Limits{batches: semaphore.NewWeighted(maxBatches), seriesCap: seriesCap, rewriteSeries: rewriteSeries}
}

// A showing is what has turned out of how the destination shows metrics: all
// together, or one by one. It is for all experiments.
type showing struct {
	whole int64 // points of the longest one that was shown as it was written
	most  int64 // points of the longest one at all
	// several is true when several points of one step and context are shown.
	several bool
}

// showing changes what is known of one way to read metrics, and returns it.
func (l *Limits) showing(each bool, change func(*showing)) showing {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.shown.together
	if each {
		s = &l.shown.each
	}
	change(s)
	return *s
}
