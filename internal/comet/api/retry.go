package api

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/gate"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// Retrying is done above the HTTP client and not among its RoundTrippers: a
// redirected download must begin again at its first address, and whether an
// answer is whole shows only when its body has been read.

// retrier tries calls again. Whether and when it does is decided in giveup.go. What it
// knows of the server's health is shared by all calls.
type retrier struct {
	Retry
	stats     *transport.Counters
	notify    func(Trouble)
	waits     func(Wait)
	onSuccess func() // nil, or called on each success
	probe     func(context.Context) bool
	sample    func(context.Context, *Call) bool // whether a read is answered well now
	gate      *gate.Gate                        // nil: calls pass none
	// optional says that what is asked here can be done in another way. It is
	// given up sooner while nothing has been answered yet.
	optional bool
	// answer bounds the wait for an answer, 0: as for all requests.
	answer time.Duration

	succeeded atomic.Int64   // time of the last success of anything, in ns
	begun     atomic.Int64   // when the youngest request that was answered well had begun, in ns
	reached   atomic.Bool    // an answer has come, if only that the server is not well
	works     [2]atomic.Bool // a read, a write has been answered well
	health    health
}

// briefly returns the context for a request that only asks how the server is: it
// adds to the time that is allowed for.
func (r *retrier) briefly(ctx context.Context) context.Context {
	most := transport.LeastPatience
	if r.MaxElapsed > 0 {
		most = min(most, max(r.MaxElapsed/5, time.Second))
	}
	return transport.WithWaiting(ctx, transport.Waiting{Answer: most})
}

// worked is whether a call of the kind, read or write, has been answered well.
func (r *retrier) worked(cl *Call) *atomic.Bool {
	if cl.write() {
		return &r.works[1]
	}
	return &r.works[0]
}

// success notes that something has just come out well.
func (r *retrier) success() {
	r.succeeded.Store(time.Now().UnixNano())
	if r.onSuccess != nil {
		r.onSuccess()
	}
}

// answered notes that a request which had begun then was answered well.
func (r *retrier) answered(began time.Time) {
	for old := r.begun.Load(); old < began.UnixNano(); old = r.begun.Load() {
		if r.begun.CompareAndSwap(old, began.UnixNano()) {
			break
		}
	}
	r.success()
}

// lastSuccess returns the later of the last success of anything and a time.
func (r *retrier) lastSuccess(or time.Time) time.Time {
	if ns := r.succeeded.Load(); ns > or.UnixNano() {
		return time.Unix(0, ns)
	}
	return or
}

// callHistory is the history of one call, over all its tries.
type callHistory struct {
	r           *retrier
	cl          *Call
	item        *item     // that it is of, or nil
	first       time.Time // when the first try began
	began       time.Time // when the last try began
	moved       time.Time // when the last try began, or brought something
	tries       int
	failures    int       // since the last progress, throttling aside
	throttles   int       // in a row
	failing     time.Time // since when it has failed, zero if it does not
	slowed      time.Time // since when it has been throttled
	failedFirst time.Time // when the first of the failures came
	othersWork  bool      // a failure ago its endpoint answered others
	last        time.Time // of the last failure or throttling
	previous    time.Time // of the one before that, if the call has failed since
	gained      int       // bytes that came while it failed
	hasFailed   bool      // a try has failed since it last came out well
	ambiguous   bool      // a write may have been done by some failed try
}

func (r *retrier) begin(ctx context.Context, cl *Call) *callHistory {
	return &callHistory{r: r, cl: cl, item: itemOf(ctx), first: time.Now()}
}

// start begins a try, and returns the context for it. The try waits for its
// answer no longer than the time for all tries goes on.
func (e *callHistory) start(ctx context.Context, tell func(why error, until time.Time)) context.Context {
	e.began = time.Now()
	e.moved = e.began
	w := transport.Waiting{Answer: e.r.answer, Report: tell, Answered: func() { e.r.reached.Store(true) }}
	if e.r.MaxElapsed > 0 {
		most := e.r.MaxElapsed
		if since := e.failingSince(); !since.IsZero() {
			most -= time.Since(since)
		}
		w.Answer = transport.Shorter(w.Answer, max(most, transport.LeastPatience))
		if !e.r.reached.Load() && !e.r.optional {
			w.Until = e.first.Add(firstContact)
		}
	}
	return transport.WithWaiting(ctx, w)
}

// failingSince returns since when the call fails, or what it is of, zero if neither
// does.
func (e *callHistory) failingSince() time.Time {
	if e.failing.IsZero() {
		return e.item.since()
	}
	return e.failing
}

// enoughProgress is how many bytes show that a call goes on. Fewer may come from
// a server that fails each time a little later.
const enoughProgress = 64 << 10

// progress notes bytes of an answer. The count of failures starts again, and with
// enough of them the time does so too.
func (e *callHistory) progress(n int) {
	e.failures, e.throttles = 0, 0
	e.moved = time.Now()
	if e.gained += n; e.gained >= enoughProgress {
		e.gained, e.failing, e.slowed = 0, time.Time{}, time.Time{}
		e.r.success()
	}
}

// completed takes note that the call has come to its end.
func (e *callHistory) completed() {
	e.r.health.succeeded(e.cl, e.began, e.hasFailed)
	e.hasFailed = false
	if e.cl.write() && !e.cl.Prepares {
		e.item.advances()
	}
}

// failed takes the error of a try and waits until the next one is due. If
// there is to be none, it returns the error for the caller.
func (e *callHistory) failed(ctx context.Context, err error) error {
	e.tries++
	wait, err := e.next(ctx, err)
	if err != nil {
		return err
	}
	e.r.stats.Retries.Add(1)
	e.r.stats.Waiting.Add(1)
	defer e.r.stats.Waiting.Add(-1)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reportRetry reports a failure that will be repeated, and the wait before that.
func (e *callHistory) reportRetry(ae *Error, wait time.Duration) {
	if e.r.notify != nil {
		since := e.failing
		if since.IsZero() {
			since = time.Now()
		}
		e.r.notify(Trouble{
			Method: ae.Method, Path: ae.Path, Err: ae, Since: since, Try: e.tries, Wait: wait,
			Throttled: ae.Status == http.StatusTooManyRequests,
		})
	}
	if e.r.waits != nil && wait > transport.ReportAfter {
		e.r.waits(Wait{Why: ae, Until: time.Now().Add(wait)})
	}
}

// do tries a call until it succeeds or there is no point in going on. The
// answer has been read.
func (c *Conn) do(ctx context.Context, cl *Call) (*http.Response, error) {
	e := c.retry.begin(ctx, cl)
	resp, err := c.doWith(ctx, cl, e)
	if err == nil {
		e.completed()
	}
	return resp, err
}

// doWith is do for an answer that is still to be read: whoever reads it tells the
// callHistory how that ends.
func (c *Conn) doWith(ctx context.Context, cl *Call, e *callHistory) (*http.Response, error) {
	if e.tries == 0 {
		if err := e.r.health.hopeless(cl, e.r.MaxElapsed); err != nil {
			err.Path = c.judge.shownPath(cl)
			return nil, err
		}
	}
	tell := c.reportWaits(cl)
	for {
		if err := e.waitGate(ctx, tell); err != nil {
			return nil, err
		}
		resp, err := c.Try(e.start(ctx, tell), cl)
		e.reportToGate(err)
		if err == nil || refused(err) {
			e.r.answered(e.began)
			e.r.worked(cl).Store(true)
		}
		if err == nil {
			e.r.health.remember(cl)
			return resp, nil
		}
		if refused(err) {
			e.completed()
		}
		if err := e.failed(ctx, err); err != nil {
			c.unclear.note(cl, err)
			return nil, err
		}
	}
}

// waitGate waits until the server is to be asked again. The time is not that of the
// call.
func (e *callHistory) waitGate(ctx context.Context, tell func(error, time.Time)) error {
	if e.r.gate == nil {
		return nil
	}
	until := e.r.gate.Opens()
	if tell != nil && e.throttles == 0 && time.Until(until) > transport.ReportAfter {
		tell(ErrThrottled, until)
	}
	e.r.stats.Waiting.Add(1)
	defer e.r.stats.Waiting.Add(-1)
	return e.r.gate.Wait(ctx, transport.HeadOf(ctx))
}

// reportToGate tells the gate what has become of the last try.
func (e *callHistory) reportToGate(err error) {
	ae, ok := errors.AsType[*Error](err)
	switch {
	case e.r.gate == nil:
	case ok && ae.Status == http.StatusTooManyRequests:
		e.r.gate.Refused(e.began, ae.after)
	case err != nil && (!ok || ae.Status == 0):
		e.r.gate.Failed()
	default:
		e.r.gate.Taken(e.began)
	}
}

// reportWaits returns what reports a long wait for the network in a call.
func (c *Conn) reportWaits(cl *Call) func(error, time.Time) {
	if c.retry.waits == nil {
		return nil
	}
	return func(why error, until time.Time) {
		c.retry.waits(Wait{Why: &Error{Method: cl.Method, Path: c.judge.shownPath(cl), Err: why}, Until: until})
	}
}
