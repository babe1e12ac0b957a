package flow

import (
	"context"
	"sync"
	"time"
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

// Tasks runs what can be done side by side, so many at a time.
type Tasks struct {
	wg    *sync.WaitGroup
	slots chan struct{}
}

// NewTasks returns tasks of which n run at a time.
func NewTasks(n int) Tasks { return Tasks{wg: new(sync.WaitGroup), slots: make(chan struct{}, n)} }

// Run runs f in a goroutine of its own, once there is a slot. f must not wait
// for a later task.
func (t *Tasks) Run(f func()) {
	t.slots <- struct{}{}
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
	default:
		return false
	}
	t.wg.Go(func() {
		defer func() { <-t.slots }()
		f()
	})
	return true
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
