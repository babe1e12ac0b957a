package scan

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What is held of answers in memory. Most are a few kilobytes; a list is read
// element by element, however long it is, and a text as it comes.
const (
	// SmallAnswer is what each call may hold where nobody has a budget.
	SmallAnswer = 1 << 20
	// MaxDocument bounds an answer that is read whole, and MaxElement one element
	// of a list. What is larger has no room in a record either.
	MaxDocument = 4 << 20
	MaxElement  = 16 << 20
	// MaxList bounds a list that is kept: hundreds of thousands of projects.
	MaxList = 64 << 20
	// largePatience is how long a call waits for its turn to hold a large
	// answer, before it fails as one does that is not answered.
	largePatience = 30 * time.Second
)

// ErrTooLarge says that an answer, or one thing in a list, is larger than what is
// held in memory.
var ErrTooLarge = errors.New("too large to be held in memory")

// TooLarge returns an [ErrTooLarge] of what is over most bytes.
func TooLarge(most int) error { return fmt.Errorf("over %d MiB: %w", most>>20, ErrTooLarge) }

var errBusy = errors.New("other large answers are being read")

// A Reserve takes note of n more bytes that are held of answers, or waits until
// they may be. An error of it ends the call, and is returned as it is.
type Reserve func(ctx context.Context, n int64) error

type reserveKey struct{}

// WithReserve returns a context for calls of whose answers somebody keeps a
// budget. Without one, large answers are held one at a time.
func WithReserve(ctx context.Context, r Reserve) context.Context {
	return context.WithValue(ctx, reserveKey{}, r)
}

// Room is what a call may hold of its answer. A nil one is that of an answer
// which is never large.
type Room struct {
	ctx     context.Context
	most    int // of the answer, or of one element
	reserve Reserve
	turn    chan struct{} // full while a large answer is held
	held    int           // reserved so far, or not worth it
	kept    int           // of elements, since the last reservation
	list    int           // of elements in all
	ours    bool          // the turn
}

// NewRoom returns the room for one answer: most for all of it, or for one element
// of a list, of which held bytes need not be asked for. turn holds the one large
// answer for which nobody has a budget.
func NewRoom(ctx context.Context, turn chan struct{}, most, held int) *Room {
	r, _ := ctx.Value(reserveKey{}).(Reserve)
	return &Room{ctx: ctx, most: most, reserve: r, turn: turn, held: held}
}

// ReserveError is an error of a [Reserve], which is the caller's own.
type ReserveError struct{ Err error }

func (e *ReserveError) Error() string { return e.Err.Error() }

// Grow is called before size bytes are held.
func (r *Room) Grow(size int) error {
	switch {
	case r == nil && size > SmallAnswer:
		return TooLarge(SmallAnswer)
	case r == nil:
		return nil
	case size > r.most:
		return TooLarge(r.most)
	case size <= r.held:
		return nil
	case r.reserve == nil:
		if size <= SmallAnswer || r.ours {
			return nil
		}
		return r.takeTurn()
	}
	// What is made of it takes as much again.
	err := r.take(2 * (size - r.held))
	r.held = size
	return err
}

// Keep is called for each element of n bytes that is kept.
func (r *Room) Keep(n int) error {
	const step = 32 << 10
	if r.list += n; r.reserve == nil && r.list > MaxList {
		return TooLarge(MaxList)
	}
	if r.kept += 2 * n; r.reserve == nil || r.kept < step {
		return nil
	}
	n, r.kept = r.kept, 0
	return r.take(n)
}

func (r *Room) take(n int) error {
	if err := r.reserve(r.ctx, int64(n)); err != nil {
		return &ReserveError{err}
	}
	return nil
}

func (r *Room) takeTurn() error {
	timer := time.NewTimer(largePatience)
	defer timer.Stop()
	select {
	case r.turn <- struct{}{}:
		r.ours = true
		return nil
	case <-timer.C:
		return errBusy
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}

// Done gives the turn to others.
func (r *Room) Done() {
	if r.ours {
		<-r.turn
		r.ours = false
	}
}
