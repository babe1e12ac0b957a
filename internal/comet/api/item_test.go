package api

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// failing returns a retrier that gives up after ten seconds, of a server that is
// well in all but one call.
func failing() *retrier {
	r := &retrier{
		Retry: Retry{MaxElapsed: 10 * time.Second, Tries: 12, Base: time.Millisecond, Cap: time.Millisecond}, stats: new(transport.Counters),
		probe: func(context.Context) bool { return true },
	}
	r.reached.Store(true)
	return r
}

// unanswered makes a call that gets no answer in four seconds until it is given up,
// and returns how long that took.
func unanswered(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	e := failing().begin(ctx, &Call{Method: http.MethodPost})
	for {
		e.start(ctx, nil)
		time.Sleep(4 * time.Second)
		err := e.failed(ctx, &Error{Method: http.MethodPost, Err: transport.ErrNoAnswer})
		if err == nil {
			continue
		}
		if !errors.Is(err, ErrServer) {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
}

// The calls of one item share the time that one call has, until a part of it has
// been written.
func TestItemTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := failing()
		c, ctx := &Server{conn: &Conn{retry: retrier{Retry: r.Retry}}}, OneItem(t.Context())
		if c.TimeOver(ctx) {
			t.Error("the time is over before anything fails")
		}
		for n, ctx := range []context.Context{t.Context(), t.Context(), ctx} {
			if took := unanswered(ctx, t); took < 12*time.Second || took > 13*time.Second {
				t.Errorf("call %d took %v, want three tries", n+1, took)
			}
		}
		if !c.TimeOver(ctx) {
			t.Error("the time is not over when all of it has passed")
		}
		if took := unanswered(ctx, t); took > 5*time.Second {
			t.Errorf("when its time is over, a call of an item took %v", took)
		}
		r.begin(ctx, &Call{Method: http.MethodPost, Prepares: true}).completed()
		r.begin(ctx, &Call{Method: http.MethodGet}).completed()
		if !c.TimeOver(ctx) {
			t.Error("what writes nothing is progress")
		}
		r.begin(ctx, &Call{Method: http.MethodPost}).completed()
		if c.TimeOver(ctx) {
			t.Error("progress changes nothing")
		}
	})
}
