package api

import (
	"context"
	"sync"
	"time"
)

// An item is one thing that may take several calls to write, and be written again
// when an answer was lost: all of these together may fail for as long as one call
// may.
type item struct {
	mu      sync.Mutex
	failing time.Time // since when, zero if nothing of it fails
}

type itemKey struct{}

// OneItem returns a context for the calls that write one item.
func OneItem(ctx context.Context) context.Context {
	return context.WithValue(ctx, itemKey{}, new(item))
}

func itemOf(ctx context.Context) *item {
	i, _ := ctx.Value(itemKey{}).(*item)
	return i
}

// since returns since when the item fails.
func (i *item) since() time.Time {
	if i == nil {
		return time.Time{}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.failing
}

// fails notes a failure since then and returns since when the item fails.
func (i *item) fails(since time.Time) time.Time {
	if i == nil {
		return since
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.failing.IsZero() {
		i.failing = since
	}
	return i.failing
}

// advances takes note that a part of the item has been written.
func (i *item) advances() {
	if i == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failing = time.Time{}
}

// TimeOver reports whether the item of a context has failed for all the time that
// it may.
func (s *Server) TimeOver(ctx context.Context) bool {
	since := itemOf(ctx).since()
	return !since.IsZero() && time.Since(since) >= s.conn.retry.MaxElapsed
}
