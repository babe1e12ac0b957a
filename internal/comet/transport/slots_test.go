package transport

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimitCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{limit: 1}
		if err := l.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.acquire(ctx); err == nil {
			t.Fatal("got a second slot")
		}
		l.release()
		if err := l.acquire(t.Context()); err != nil || l.used != 1 {
			t.Errorf("%v, %d used", err, l.used)
		}
	})
}
