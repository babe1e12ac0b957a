package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/gate"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// Retrying is done above the HTTP client and not among its RoundTrippers: a
// redirected download must begin again at its first address, and whether an
// answer is whole shows only when its body has been read.

// retrier decides whether and when a failed call is tried again. What it
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
	worked    [2]atomic.Bool // a read, a write has been answered well
	health    health
}

// firstContact is how long a server is tried that has never answered: its
// address, or the way to it, is more likely to be wrong than it is to be down.
const firstContact = 30 * time.Second

// hasWorked says whether a call of the kind, read or write, has been answered
// well.
func (r *retrier) hasWorked(cl *Call) *atomic.Bool {
	if cl.write() {
		return &r.worked[1]
	}
	return &r.worked[0]
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
	works       bool      // a failure ago its endpoint answered others
	last        time.Time // of the last failure or throttling
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

// next returns how long to wait before the next try, or the final error.
func (e *callHistory) next(ctx context.Context, err error) (time.Duration, error) {
	if ctx.Err() != nil {
		// It may be the failure of another call, for which ctx has ended, and is
		// not ours to mark.
		return 0, err
	}
	ae, ok := errors.AsType[*Error](err)
	if ok && e.misconfigured(ae) {
		ae.misconfigured = !e.r.optional
		return 0, e.final(ae)
	}
	if !ok || !isTransient(err) || isCertificateError(err) && !e.r.hasWorked(e.cl).Load() {
		return 0, e.final(err)
	}
	if e.r.MaxElapsed < 0 {
		e.item.fails(e.moved)
		ae.uncertain = e.maybeDone(ae)
		return 0, e.final(err)
	}
	e.hasFailed = true
	before := e.last
	e.last = time.Now()
	if e.failing.IsZero() && e.slowed.IsZero() {
		before = e.last
	}
	if ae.Status == http.StatusTooManyRequests {
		return e.throttled(ctx, ae, before)
	}
	return e.failure(ctx, ae, before)
}

// failure is next for all failures but throttling. before is the time of the one
// before this.
func (e *callHistory) failure(ctx context.Context, ae *Error, before time.Time) (time.Duration, error) {
	if e.failing.IsZero() {
		e.failing, e.gained = e.item.fails(e.moved), 0
		e.failedFirst, e.works = e.last, false
	}
	e.throttles = 0
	e.failures++
	if e.cl.Unsafe && e.maybeDone(ae) {
		ae.uncertain = true
		return 0, ae
	}
	e.ambiguous = e.ambiguous || e.maybeDone(ae)
	if e.failures >= sampleTries {
		e.askSample(ctx)
	}
	left := e.r.MaxElapsed - time.Since(e.r.lastSuccess(e.failing))
	enough, quick := e.triedEnough(ae)
	if others := enough && e.othersSucceed(ctx, before); others || left <= 0 || e.unreachable(ae) {
		return e.giveUp(ae, !others)
	}
	most := e.r.Cap
	if quick {
		most = e.r.Base / 2
	}
	wait := e.backoff(e.failures, e.r.Base, most)
	switch {
	case ae.after <= left:
		wait = max(wait, ae.after)
	case !e.othersSucceed(ctx, before):
		return e.giveUp(e.tooLong(ae, left), true)
	}
	if !e.r.reached.Load() && !e.r.optional {
		left = min(left, max(0, firstContact-time.Since(e.first)))
	}
	wait = min(wait, left)
	e.reportRetry(ae, wait)
	return wait, nil
}

// throttled is next for an answer 429. The server is well and wants fewer
// requests, so it does not count as a failure, and has a time of its own.
func (e *callHistory) throttled(ctx context.Context, ae *Error, before time.Time) (time.Duration, error) {
	if e.slowed.IsZero() {
		e.slowed = e.began
	}
	e.throttles++
	e.failing = time.Time{}
	e.r.stats.Throttled.Add(1)
	left := e.r.MaxThrottled - time.Since(e.r.lastSuccess(e.slowed))
	over := time.Since(e.slowed) >= e.r.MaxThrottled && e.throttles >= e.r.Tries
	wait := e.backoff(e.throttles, 4*e.r.Base, 2*e.r.Cap)
	switch {
	case left <= 0:
		return e.giveUp(ae, true)
	case ae.after > left:
		others := e.othersSucceed(ctx, before)
		if !others || e.throttles >= min(againTries, e.r.Tries) {
			return e.giveUp(e.tooLong(ae, left), !others)
		}
	case over && e.othersSucceed(ctx, before):
		return e.giveUp(ae, false)
	case ae.after > 0:
		wait = ae.after
	}
	wait = min(wait, left)
	if e.r.gate != nil && e.r.gate.Opens().After(time.Now()) {
		// The next try waits there, as all other calls do.
		e.reportRetry(ae, time.Until(e.r.gate.Opens()))
		return 0, nil
	}
	e.reportRetry(ae, wait)
	return wait, nil
}

// maybeDone reports whether a write may have been done by a try that failed. A
// part of an upload is nothing by itself.
func (e *callHistory) maybeDone(ae *Error) bool {
	return e.cl.write() && e.cl.storage == nil && !certainlyNotDone(ae)
}

// giveUp returns the final error of a call that keeps failing: because nothing
// succeeds, in an outage, or because this call does not.
func (e *callHistory) giveUp(ae *Error, outage bool) (time.Duration, error) {
	ae.gaveUp, ae.outage = true, outage
	if !outage {
		ae.uncertain = e.ambiguous
		e.r.health.gaveUp(e.cl, ae)
	}
	return 0, e.final(ae)
}

// tooLong adds to an error that the server asks for a longer wait than is left.
func (e *callHistory) tooLong(ae *Error, left time.Duration) *Error {
	ae.Err = fmt.Errorf("%w: %v, where %v are left", ErrLongWait, ae.after.Round(time.Second), left.Round(time.Second))
	return ae
}

// misconfigured reports whether a failure is due to the configuration, of the
// address or a proxy, and will not pass. A configuration that has worked before
// is right.
func (e *callHistory) misconfigured(ae *Error) bool {
	return misconfigures(ae) && !e.r.hasWorked(e.cl).Load()
}

// unreachable reports whether to give up a server that has never answered, or
// never as one of Comet does.
func (e *callHistory) unreachable(ae *Error) bool {
	if !e.r.worked[0].Load() && !e.r.worked[1].Load() && (errors.Is(ae, ErrNotJSON) || ae.unclear) {
		return e.failures >= min(unclearTries, e.r.Tries)
	}
	if e.r.reached.Load() || ae.Status != 0 {
		return false
	}
	if dns, ok := errors.AsType[*net.DNSError](ae); ok && dns.IsNotFound {
		return true
	}
	return !e.r.optional && time.Since(e.first) >= firstContact
}

const (
	// unreachedTries is how often a storage is called that no call has reached
	// yet, unansweredTries how often what gets no answer is asked: that takes
	// minutes each time.
	unreachedTries  = 3
	unansweredTries = 3
	// heavyTries is how often a call is made for which there are lighter ones.
	heavyTries = 3
	// unclearTries is how often a call is made while others succeed before an
	// answer that is unclear is taken to stay so.
	unclearTries = 4
)

// triedEnough reports whether a call has been tried often or long enough while others
// succeed, and whether to hurry with it. A storage that cannot be reached from
// here may be behind a firewall for good, and what would go there can go through
// the server. What is answered and not acknowledged may well have been done.
func (e *callHistory) triedEnough(ae *Error) (enough, quick bool) {
	tries, quick := e.r.health.failed(e.cl, ae.Status, e.failedFirst, e.r.MaxElapsed)
	// That its endpoint answers others may be newer than the last try.
	news := tries < always && !e.works
	if news {
		e.works, tries = true, max(tries, e.failures+1)
	}
	tries = min(tries, e.r.Tries)
	unanswered := errors.Is(ae, transport.ErrNoAnswer) || errors.Is(ae, transport.ErrStalled)
	unreached := e.r.optional && !e.r.reached.Load() && ae.Status == 0
	switch {
	case unanswered && (quick || unreached || e.cl.Heavy), e.cl.silent && errors.Is(ae, ErrNotAcknowledged):
		tries = 1
	case ae.unclear:
		tries = min(tries, unclearTries)
	case e.cl.Heavy:
		tries = min(tries, heavyTries)
	case unanswered:
		tries = min(tries, unansweredTries)
	case unreached && certainlyNotDone(ae):
		tries = min(tries, unreachedTries)
	case errors.Is(ae, ErrNotAcknowledged):
		tries = min(tries, silentTries)
	case quick && !news && time.Since(e.failing) >= againTime:
		tries = min(tries, 2)
	}
	return e.failures >= tries || time.Since(e.failing) >= e.r.MaxElapsed, quick
}

// askSample asks the endpoint of a call that keeps failing for what it has
// answered well. If it still answers well, the requested item is broken and not
// the endpoint.
func (e *callHistory) askSample(ctx context.Context) {
	began := time.Now()
	if s := e.r.health.sampleFor(e.cl, e.failedFirst); s != nil && e.r.sample(ctx, s) {
		e.r.answered(began)
		e.r.health.succeeded(s, began, false)
	}
}

// final marks the error with what the caller may have to know of earlier
// tries.
func (e *callHistory) final(err error) error {
	if ae, ok := errors.AsType[*Error](err); ok {
		ae.Repeated = e.ambiguous
		// The server certainly lacks the call if it says so repeatedly while it
		// answers others.
		if ae.unclear && ae.gaveUp && !ae.outage && ae.knowsNoPath() {
			ae.unclear, ae.gaveUp = false, false
		}
	}
	return err
}

// othersSucceed tells a broken object from a broken server: something else has
// been asked since the failure before this one, and was answered well. Earlier
// answers may date from before the server broke down. When no other call shows
// it, the server is asked.
func (e *callHistory) othersSucceed(ctx context.Context, before time.Time) bool {
	if e.r.begun.Load() > before.UnixNano() {
		return true
	}
	if !e.r.reached.Load() && !e.r.optional {
		return false
	}
	began := time.Now()
	if !e.r.probe(ctx) {
		return false
	}
	e.r.answered(began)
	return true
}

// backoff returns a random wait with full jitter, of at most base doubled for
// each failure after the first, and at most most.
func (e *callHistory) backoff(failures int, base, most time.Duration) time.Duration {
	ceiling := base
	for range failures - 1 {
		if ceiling >= most {
			break
		}
		ceiling *= 2
	}
	ceiling = min(ceiling, most)
	return time.Duration(rand.Int64N(int64(ceiling) + 1))
}

// reportRetry reports a failure that will be repeated, and of the wait before
// that.
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
	for {
		if err := e.waitGate(ctx, c.reportWaits(cl)); err != nil {
			return nil, err
		}
		resp, err := c.Try(e.start(ctx, c.reportWaits(cl)), cl)
		e.reportToGate(err)
		if err == nil || refused(err) {
			e.r.answered(e.began)
			e.r.hasWorked(cl).Store(true)
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

// refused reports whether a failed try shows that the server is well: it
// refused this one call for a reason of its own.
func refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status != 0 && e.Status < 500 && !isTransient(err) && !misconfigures(e)
}

// isTransient reports whether a failure may pass by itself.
func isTransient(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch {
	case e.unclear:
		return true
	case e.Status == 0:
		return passingCause(e.Err)
	case e.Status == http.StatusNotImplemented, e.Status == http.StatusHTTPVersionNotSupported, e.Status == http.StatusInsufficientStorage:
		return false
	case e.Status >= 500, e.Status < 400:
		return true
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusProxyAuthRequired:
		return true
	}
	return false
}

// passingCause sorts out the failures that waiting does not mend. What is wrong
// with the configuration is not among them: see [callHistory.misconfigured].
func passingCause(err error) bool {
	for _, lasting := range []error{scan.ErrTooLarge, ErrRedirects, ErrNoTag, ErrChanged, ErrLength, unpack.ErrRatio} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return true
}

// certainlyNotDone reports whether a failed try has certainly not been
// carried out by the server. A 5xx says little: a proxy sends it as well when
// the server behind it broke off in the middle.
func certainlyNotDone(e *Error) bool {
	if e.knowsNoPath() {
		return true
	}
	switch e.Status {
	case 0:
		c, ok := errors.AsType[*cause](e.Err)
		return ok && c.unsent
	case http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return false
}

// unsentError reports whether the error is one that comes before a request
// can be sent.
func unsentError(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return dns
}
