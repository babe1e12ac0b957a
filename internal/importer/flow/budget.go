package flow

import (
	"context"
	"errors"

	"golang.org/x/sync/semaphore"
)

// A Budget is how many bytes all groups together may hold of what a destination
// has, ahead of their turn.
type Budget struct{ bytes *semaphore.Weighted }

// NewBudget returns a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{semaphore.NewWeighted(bytes)} }

// Share returns the share of a group, without anything in it.
func (r *Budget) Share(t *Turn) *Share { return &Share{budget: r, turn: t} }

// A Share is what a group holds of a budget.
type Share struct {
	budget *Budget
	turn   *Turn
	n      int64
}

// ErrBusy says that there is no room left ahead of the turn of a group.
var ErrBusy = errors.New("over the budget before its turn")

// Take takes n bytes more, or returns [ErrBusy]. The first of the groups under way
// holds them in any case. A share that is nil is of no budget, and takes nothing.
func (s *Share) Take(n int64) error {
	switch {
	case s == nil:
		return nil
	case s.budget.bytes.TryAcquire(n):
		s.n += n
		return nil
	case s.turn.IsFirst():
		return nil
	}
	return ErrBusy
}

// Free gives back all that was taken.
func (s *Share) Free() {
	if s != nil && s.n > 0 {
		s.budget.bytes.Release(s.n)
		s.n = 0
	}
}

// InTurn reads something, and again when the group is the first if there was no
// room for it before.
func InTurn[T any](ctx context.Context, t *Turn, read func() (T, error)) (T, error) {
	v, err := read()
	if !errors.Is(err, ErrBusy) {
		return v, err
	}
	select {
	case <-t.First:
		return read()
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
}
