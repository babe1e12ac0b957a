package flow

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"
)

// ErrStreamEnds is why something stays unfinished whose end has not come.
var ErrStreamEnds = errors.New("the stream ends in the middle of it")

// ErrDropped is why the work on something ends of which the stream does not have
// the whole; it is reported where the stream breaks off.
var ErrDropped = errors.New("it is incomplete in the stream")

// A Schedule holds the groups under way to their number and their order.
type Schedule struct {
	Records *RecordBudget
	Open    chan struct{} // holds a value for each group under way
	Turns   Turns
	Working sync.WaitGroup // all that is under way
	held    *semaphore.Weighted
}

// NewSchedule returns a schedule for n groups at a time.
func NewSchedule(n int) *Schedule {
	return &Schedule{Records: NewRecordBudget(), Open: make(chan struct{}, n), held: semaphore.NewWeighted(maxHeld)}
}

// WaitFor waits for a group of goroutines, or for the end of ctx.
func WaitFor(ctx context.Context, wg *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// WithBudget calls f once there is room for what it builds.
func WithBudget(ctx context.Context, room *semaphore.Weighted, n int64, f func() error) error {
	if err := room.Acquire(ctx, n); err != nil {
		return context.Cause(ctx)
	}
	defer room.Release(n)
	return f()
}
