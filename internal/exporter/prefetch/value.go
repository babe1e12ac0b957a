package prefetch

import "context"

// Value is a slot whose fetch leaves a value.
type Value[T any] struct {
	*Slot
	v T // guarded by the queue's mu until the reader has it
}

// NewValue returns the slot of the value that get gets.
func NewValue[T any](q *Queue, at Position, get func(context.Context, *Slot) (T, error)) *Value[T] {
	v := new(Value[T])
	var got, none T
	v.Slot = newSlot(q, at, func(ctx context.Context, s *Slot) (err error) {
		got, err = get(ctx, s)
		return err
	})
	v.publish = func() { v.v, got = got, none }
	v.discard = func() { v.v = none }
	return v
}

// Get waits for the value.
func (v *Value[T]) Get(ctx context.Context) (T, error) {
	if err := v.wait(ctx); err != nil {
		var zero T
		return zero, err
	}
	return v.v, nil
}
