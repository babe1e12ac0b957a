package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Why a request was ended.
var (
	ErrStalled  = errors.New("the connection has stalled")
	ErrNoAnswer = errors.New("the server does not answer")
)

// slowest is how many bytes a second a body must bring on average, in either
// direction. A slower body only occupies a connection.
const slowest = 1 << 10

// ReportAfter is how long a wait is before it is reported.
const ReportAfter = 10 * time.Second

// LeastPatience is what a request gets that is made just before the time is
// over, and all that one gets which only asks how the server is.
const LeastPatience = 10 * time.Second

// Waiting says of the requests of a context how long they may wait for their
// answer, and what reports a long wait.
type Waiting struct {
	Answer time.Duration // 0: as long as the watchdog waits by itself
	Until  time.Time     // for an answer, if not zero, but LeastPatience at least
	// Answered, if not nil, is called when an answer of the server begins.
	Answered func()
	// Report, if not nil, is called with a wait that has lasted for ReportAfter: what
	// for, and until when. It must not block.
	Report func(why error, until time.Time)
}

type waitingKey struct{}

// WithWaiting returns a context for requests that wait so.
func WithWaiting(ctx context.Context, w Waiting) context.Context {
	return context.WithValue(ctx, waitingKey{}, w)
}

func waitingOf(ctx context.Context) Waiting {
	w, _ := ctx.Value(waitingKey{}).(Waiting)
	return w
}

// watchdog ends requests that do not move fast enough: an answer that does not
// begin, a body in either direction that is slower than slowest over the time of
// a stall. Time in which our own side does not read or write is not counted.
type watchdog struct {
	next          http.RoundTripper
	answer, stall time.Duration
}

func (w *watchdog) RoundTrip(req *http.Request) (*http.Response, error) {
	wait := waitingOf(req.Context())
	answer := Shorter(wait.Answer, w.answer)
	if !wait.Until.IsZero() {
		answer = min(answer, max(time.Until(wait.Until), LeastPatience))
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	g := &guard{cancel: cancel, report: wait.Report}
	g.watch(answer, ErrNoAnswer)
	req = wrapBody(req.WithContext(ctx), func(rc io.ReadCloser) io.ReadCloser {
		return &watchedUpload{rc: rc, g: g, answer: answer, pace: pace{window: w.stall}}
	})
	resp, err := w.next.RoundTrip(req)
	g.answer()
	if err != nil {
		err = g.explain(ctx, err)
		cancel(nil)
		return nil, err
	}
	if wait.Answered != nil && resp.StatusCode != http.StatusProxyAuthRequired {
		wait.Answered()
	}
	resp.Body = &watchedBody{rc: resp.Body, g: g, ctx: ctx, pace: pace{window: w.stall}}
	return resp, nil
}

// guard is a timer that ends a request.
type guard struct {
	cancel context.CancelCauseFunc
	report func(why error, until time.Time)

	mu       sync.Mutex
	timer    *time.Timer
	cause    error // nil while nothing is waited for
	until    time.Time
	reported bool // of this wait
	answered bool
}

// watch ends the request with the given cause unless rest or watch is called
// within d.
func (g *guard) watch(d time.Duration, cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cause, g.until = cause, time.Now().Add(d)
	g.reported = g.report == nil || d <= ReportAfter
	if !g.reported {
		d = ReportAfter
	}
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
	cause, until, reported := g.cause, g.until, g.reported
	left := time.Until(until)
	if cause != nil && left > 0 {
		g.reported = true
		g.timer.Reset(left)
	}
	g.mu.Unlock()
	switch {
	case cause == nil:
	case left <= 0:
		g.cancel(cause)
	case !reported:
		g.report(cause, until)
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
	if cause := context.Cause(ctx); errors.Is(cause, ErrStalled) || errors.Is(cause, ErrNoAnswer) {
		return cause
	}
	return err
}

// pace measures how fast a body moves, in windows of time that was spent waiting
// for the network. A window ends when enough bytes have moved.
type pace struct {
	window time.Duration
	waited time.Duration
	moved  int64
}

// add notes n bytes that were waited for so long.
func (p *pace) add(n int, took time.Duration) {
	p.waited += took
	p.moved += int64(n)
	if p.moved >= int64(slowest*p.window.Seconds()) {
		p.waited, p.moved = 0, 0
	}
}

// left returns how much longer the next bytes may take.
func (p *pace) left() time.Duration { return max(0, p.window-p.waited) }

// watchedUpload watches from one read of the body to the next: that is how
// long the network takes to swallow what it was given.
type watchedUpload struct {
	rc     io.ReadCloser
	g      *guard
	answer time.Duration

	pace  pace
	given int // bytes of the last read
	at    time.Time
}

func (u *watchedUpload) Read(p []byte) (int, error) {
	u.g.rest()
	if u.given > 0 {
		u.pace.add(u.given, time.Since(u.at))
	}
	n, err := u.rc.Read(p)
	u.given, u.at = n, time.Now()
	if err != nil {
		u.g.watchUpload(u.answer, ErrNoAnswer)
	} else {
		u.g.watchUpload(u.pace.left(), ErrStalled)
	}
	return n, err
}

func (u *watchedUpload) Close() error { return u.rc.Close() }

// watchedBody watches each read of an answer.
type watchedBody struct {
	rc   io.ReadCloser
	g    *guard
	ctx  context.Context
	pace pace
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.g.watch(b.pace.left(), ErrStalled)
	began := time.Now()
	n, err := b.rc.Read(p)
	b.g.rest()
	b.pace.add(n, time.Since(began))
	if err != nil && err != io.EOF {
		err = b.g.explain(b.ctx, err)
		if err == ErrStalled && b.pace.moved > 0 {
			err = fmt.Errorf("%w: %d bytes in %v", ErrStalled, b.pace.moved, b.pace.window)
		}
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.g.rest()
	err := b.rc.Close()
	b.g.cancel(nil)
	return err
}

// Shorter returns the shorter of two times, 0 being none.
func Shorter(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}
