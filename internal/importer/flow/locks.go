package flow

import (
	"context"
	"sync"
)

// Locks are a lock for each key that is in use. The zero value has all of them
// free.
type Locks[K comparable] struct {
	mu   sync.Mutex
	held map[K]chan struct{}
}

// Queue asks for the lock of a key. Callers get it in the order of their calls,
// whenever they wait for it, and each must call free, even if its wait was
// cancelled.
func (l *Locks[K]) Queue(key K) (wait func(context.Context) error, free func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.held[key]
	mine := l.hold(key)
	wait = func(ctx context.Context) error {
		if before == nil {
			return nil
		}
		select {
		case <-before:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return wait, func() { l.free(key, mine) }
}

// hold makes the lock of a key held, by whoever frees it last.
func (l *Locks[K]) hold(key K) (mine chan struct{}) {
	mine = make(chan struct{})
	if l.held == nil {
		l.held = make(map[K]chan struct{})
	}
	l.held[key] = mine
	return mine
}

func (l *Locks[K]) free(key K, mine chan struct{}) {
	l.mu.Lock()
	if l.held[key] == mine {
		delete(l.held, key)
	}
	l.mu.Unlock()
	close(mine)
}

// Lock waits until nobody holds the lock of a key, and returns the function that
// frees it.
func (l *Locks[K]) Lock(ctx context.Context, key K) (free func(), err error) {
	for {
		l.mu.Lock()
		other, taken := l.held[key]
		if !taken {
			mine := l.hold(key)
			l.mu.Unlock()
			return func() { l.free(key, mine) }, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
