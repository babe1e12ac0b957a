package flow

import (
	"context"
	"sync"
)

// Lazy is a value that is worked out once, when it is first asked for. An error
// is not kept.
type Lazy[T any] struct {
	mu   sync.Mutex
	done bool
	v    T
}

// Get returns the value, and works it out with f if it is not known.
func (l *Lazy[T]) Get(f func() (T, error)) (T, error) {
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

// Peek returns the value if it has been worked out.
func (l *Lazy[T]) Peek() (v T, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.v, l.done
}

// Set says what the value is.
func (l *Lazy[T]) Set(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.v, l.done = v, true
}

// A Future is a value that is worked out in the background.
type Future[T any] struct {
	mu   sync.Mutex
	done chan struct{}
	v    T
	err  error
}

// Start begins to work it out, unless that has begun already.
func (f *Future[T]) Start(wg *sync.WaitGroup, work func() (T, error)) {
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

// Wait waits for the value. It must have been started.
func (f *Future[T]) Wait(ctx context.Context) (T, error) {
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

// Peek returns the value if it has been worked out.
func (f *Future[T]) Peek() (v T, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done == nil {
		return v, false
	}
	select {
	case <-f.done:
		return f.v, f.err == nil
	default:
		return v, false
	}
}
