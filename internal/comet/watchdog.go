package comet

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

var (
	errStalled  = errors.New("the connection has stalled")
	errNoAnswer = errors.New("the server does not answer")
)

// watchdog ends requests that no longer move: an upload of which no byte is
// taken, an answer that does not begin, a body of which no byte comes. Time in
// which our own side does not read or write is not counted.
type watchdog struct {
	next          http.RoundTripper
	answer, stall time.Duration
}

func (w *watchdog) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	g := &guard{cancel: cancel}
	g.watch(w.answer, errNoAnswer)
	req = wrapBody(req.WithContext(ctx), func(rc io.ReadCloser) io.ReadCloser {
		return &watchedUpload{rc: rc, g: g, w: w}
	})
	resp, err := w.next.RoundTrip(req)
	g.answer()
	if err != nil {
		err = g.explain(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &watchedBody{rc: resp.Body, g: g, ctx: ctx, stall: w.stall}
	return resp, nil
}

// guard is a timer that ends a request.
type guard struct {
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	timer    *time.Timer
	cause    error // nil while nothing is waited for
	answered bool
}

// watch ends the request with the given cause unless rest or watch is called
// within d.
func (g *guard) watch(d time.Duration, cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cause = cause
	if g.timer == nil {
		g.timer = time.AfterFunc(d, g.fire)
		return
	}
	g.timer.Reset(d)
}

// watchUpload is watch until the answer has begun. A server may answer before
// it has taken the whole body; from then on the answer is what counts.
func (g *guard) watchUpload(d time.Duration, cause error) {
	g.mu.Lock()
	answered := g.answered
	g.mu.Unlock()
	if !answered {
		g.watch(d, cause)
	}
}

func (g *guard) fire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cause != nil {
		g.cancel(g.cause)
	}
}

func (g *guard) rest() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cause = nil
	if g.timer != nil {
		g.timer.Stop()
	}
}

func (g *guard) answer() {
	g.mu.Lock()
	g.answered = true
	g.mu.Unlock()
	g.rest()
}

// explain returns the reason why the guard ended the request, if it did.
func (g *guard) explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) || errors.Is(cause, errNoAnswer) {
		return cause
	}
	return err
}

// watchedUpload watches from one read of the body to the next: that is how
// long the network takes to swallow what it was given.
type watchedUpload struct {
	rc io.ReadCloser
	g  *guard
	w  *watchdog
}

func (u *watchedUpload) Read(p []byte) (int, error) {
	u.g.rest()
	n, err := u.rc.Read(p)
	if err != nil {
		u.g.watchUpload(u.w.answer, errNoAnswer)
	} else {
		u.g.watchUpload(u.w.stall, errStalled)
	}
	return n, err
}

func (u *watchedUpload) Close() error { return u.rc.Close() }

// watchedBody watches each read of an answer.
type watchedBody struct {
	rc    io.ReadCloser
	g     *guard
	ctx   context.Context
	stall time.Duration
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.g.watch(b.stall, errStalled)
	n, err := b.rc.Read(p)
	b.g.rest()
	if err != nil && err != io.EOF {
		err = b.g.explain(b.ctx, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.g.rest()
	err := b.rc.Close()
	b.g.cancel(nil)
	return err
}
