package flow

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Failure is the first reason why an experiment cannot be finished.
type Failure struct {
	mu   sync.Mutex
	err  error
	stop bool
}

// Set notes an error, nil for none, after which nothing more is done.
func (f *Failure) Set(err error) { f.Note(err, true) }

// Note notes an error, after which the work goes on unless stop says otherwise.
func (f *Failure) Note(err error, stop bool) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop = f.stop || stop
	if f.err == nil {
		f.err = err
	}
}

// Get returns the first error that was noted.
func (f *Failure) Get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Stops reports whether nothing more is to be done.
func (f *Failure) Stops() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stop
}

// Tasks runs what can be done concurrently, so many at a time.
type Tasks struct {
	wg    *sync.WaitGroup
	slots chan struct{}
	held  *semaphore.Weighted
}

// Tasks returns tasks of one group, of which as many run at a time as there are
// groups.
func (s *Schedule) Tasks() Tasks {
	return Tasks{wg: new(sync.WaitGroup), slots: make(chan struct{}, cap(s.Open)), held: s.held}
}

// Large is the size from which on what a task holds of the stream counts, and
// maxHeld what all of them may hold of that.
const (
	Large   = 256 << 10
	maxHeld = 12 << 20
)

// huge is the size from which on the next record is not looked at before f has ended.
const huge = 2 << 20

// RunHolding is Run for an f that holds so many bytes of the stream until it ends.
func (t *Tasks) RunHolding(ctx context.Context, bytes int, f func()) error {
	if bytes < Large {
		t.Run(f)
		return nil
	}
	n := min(int64(bytes), maxHeld)
	if err := t.held.Acquire(ctx, n); err != nil {
		return context.Cause(ctx)
	}
	run := t.Run
	if bytes >= huge {
		run = func(f func()) { f() }
	}
	run(func() {
		defer t.held.Release(n)
		f()
	})
	return nil
}

// Run runs f in a goroutine of its own, once there is a slot. f must not wait
// for a later task.
func (t *Tasks) Run(f func()) {
	t.slots <- struct{}{}
	t.begin(f)
}

func (t *Tasks) begin(f func()) {
	t.wg.Go(func() {
		defer func() { <-t.slots }()
		f()
	})
}

// Beyond runs f without a slot: it may wait for what comes only later.
func (t *Tasks) Beyond(f func()) { t.wg.Go(f) }

// Try runs f likewise if there is a slot at once, and reports whether there is.
func (t *Tasks) Try(f func()) bool {
	select {
	case t.slots <- struct{}{}:
		t.begin(f)
		return true
	default:
		return false
	}
}

// Wait waits for all that runs.
func (t *Tasks) Wait() { t.wg.Wait() }

// Pause waits, for something to come to rest at the destination.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
