package flow

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Who asks first for a key has it first, however late it begins to wait for it.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Locks[string]
		var order []int
		var work sync.WaitGroup
		for i := range 5 {
			wait, free := l.Queue("a")
			work.Go(func() {
				defer free()
				time.Sleep(time.Duration(5-i) * time.Second)
				if err := wait(t.Context()); err != nil {
					t.Error(err)
				}
				order = append(order, i)
			})
		}
		other, free := l.Queue("b")
		if err := other(t.Context()); err != nil {
			t.Error(err)
		}
		free()
		work.Wait()
		if want := []int{0, 1, 2, 3, 4}; !slices.Equal(order, want) {
			t.Errorf("in the order %v, want %v", order, want)
		}
		if len(l.held) != 0 {
			t.Errorf("%d locks are left", len(l.held))
		}
	})
}

// A wait ends with its context, and a lock that was never waited for is freed.
func TestQueueEnds(t *testing.T) {
	var l Locks[string]
	_, first := l.Queue("a")
	wait, second := l.Queue("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	first()
	second()
	free, err := l.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	free()
}
