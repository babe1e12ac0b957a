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

// Lock waits until nobody holds the lock of a key, and returns the function that
// frees it.
func (l *Locks[K]) Lock(ctx context.Context, key K) (free func(), err error) {
	for {
		l.mu.Lock()
		other, taken := l.held[key]
		if !taken {
			mine := make(chan struct{})
			if l.held == nil {
				l.held = make(map[K]chan struct{})
			}
			l.held[key] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, key)
				l.mu.Unlock()
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
