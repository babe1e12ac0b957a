package comet

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What is held of answers in memory. Most are a few kilobytes; a list is read
// element by element, however long it is, and a text as it comes.
const (
	// smallAnswer is what each call may hold where nobody has a budget.
	smallAnswer = 1 << 20
	// maxDocument bounds an answer that is read whole, and maxElement one element
	// of a list. What is larger has no room in a record either.
	maxDocument = 4 << 20
	maxElement  = 16 << 20
	// maxList bounds a list that is kept: hundreds of thousands of projects.
	maxList = 64 << 20
	// largePatience is how long a call waits for its turn to hold a large
	// answer, before it fails as one does that is not answered.
	largePatience = 30 * time.Second
)

// ErrTooLarge says that an answer, or one thing in a list, is larger than what is
// held in memory.
var ErrTooLarge = errors.New("too large to be held in memory")

func tooLarge(most int) error { return fmt.Errorf("over %d MiB: %w", most>>20, ErrTooLarge) }

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

// room is what a call may hold of its answer. A nil one is that of an answer
// which is never large.
type room struct {
	ctx     context.Context
	most    int // of the answer, or of one element
	reserve Reserve
	turn    chan struct{} // full while a large answer is held
	held    int           // reserved so far, or not worth it
	kept    int           // of elements, since the last reservation
	list    int           // of elements in all
	ours    bool          // the turn
}

func (c *conn) newRoom(ctx context.Context, most, held int) *room {
	r, _ := ctx.Value(reserveKey{}).(Reserve)
	return &room{ctx: ctx, most: most, reserve: r, turn: c.largeTurn, held: held}
}

// reserveError is an error of a [Reserve], which is the caller's own.
type reserveError struct{ err error }

func (e *reserveError) Error() string { return e.err.Error() }

// grow is called before size bytes are held.
func (r *room) grow(size int) error {
	switch {
	case r == nil && size > smallAnswer:
		return tooLarge(smallAnswer)
	case r == nil:
		return nil
	case size > r.most:
		return tooLarge(r.most)
	case size <= r.held:
		return nil
	case r.reserve == nil:
		if size <= smallAnswer || r.ours {
			return nil
		}
		return r.takeTurn()
	}
	// What is made of it takes as much again.
	err := r.take(2 * (size - r.held))
	r.held = size
	return err
}

// keep is called for each element of n bytes that is kept.
func (r *room) keep(n int) error {
	const step = 32 << 10
	if r.list += n; r.reserve == nil && r.list > maxList {
		return tooLarge(maxList)
	}
	if r.kept += 2 * n; r.reserve == nil || r.kept < step {
		return nil
	}
	n, r.kept = r.kept, 0
	return r.take(n)
}

func (r *room) take(n int) error {
	if err := r.reserve(r.ctx, int64(n)); err != nil {
		return &reserveError{err}
	}
	return nil
}

func (r *room) takeTurn() error {
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

// done gives the turn to others.
func (r *room) done() {
	if r.ours {
		<-r.turn
		r.ours = false
	}
}
