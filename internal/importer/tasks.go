package importer

import (
	"context"
	"sync"
	"time"
)

// failure is the first reason why an experiment cannot be finished.
type failure struct {
	mu   sync.Mutex
	err  error
	stop bool
}

// set notes an error, nil for none, after which nothing more is done.
func (f *failure) set(err error) { f.note(err, true) }

// note notes an error, after which the work goes on unless stop says otherwise.
func (f *failure) note(err error, stop bool) {
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

func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *failure) stops() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stop
}

// tasks runs what can be done side by side, so many at a time.
type tasks struct {
	wg    *sync.WaitGroup
	slots chan struct{}
}

func newTasks(n int) tasks { return tasks{wg: new(sync.WaitGroup), slots: make(chan struct{}, n)} }

// run runs f in a goroutine of its own, once there is a slot. f must not wait
// for a later task.
func (t *tasks) run(f func()) {
	t.slots <- struct{}{}
	t.wg.Go(func() {
		defer func() { <-t.slots }()
		f()
	})
}

// try runs f likewise if there is a slot at once, and reports whether there is.
func (t *tasks) try(f func()) bool {
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

func (t *tasks) wait() { t.wg.Wait() }

// lazy is a value that is worked out once, when it is first asked for. An error
// is not kept.
type lazy[T any] struct {
	mu   sync.Mutex
	done bool
	v    T
}

func (l *lazy[T]) get(f func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return l.v, nil
	}
	v, err := f()
	if err == nil {
		l.v, l.done = v, true
	}
	return v, err
}

// peek returns the value if it has been worked out.
func (l *lazy[T]) peek() (v T, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.v, l.done
}

func (l *lazy[T]) set(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.v, l.done = v, true
}

// A future is a value that is worked out in the background.
type future[T any] struct {
	mu   sync.Mutex
	done chan struct{}
	v    T
	err  error
}

// start begins to work it out, unless that has begun already.
func (f *future[T]) start(wg *sync.WaitGroup, work func() (T, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done != nil {
		return
	}
	f.done = make(chan struct{})
	wg.Go(func() {
		defer close(f.done)
		f.v, f.err = work()
	})
}

// wait waits for the value. It must have been started.
func (f *future[T]) wait(ctx context.Context) (T, error) {
	f.mu.Lock()
	done := f.done
	f.mu.Unlock()
	select {
	case <-done:
		return f.v, f.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// pause waits, for something to come to rest at the destination.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
