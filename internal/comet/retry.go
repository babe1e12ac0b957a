package comet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/comet-stream/comet-stream/internal/unpack"
)

// Retrying stands above the HTTP client and not among its RoundTrippers: a
// redirected download must begin again at its first address, and whether an
// answer is whole shows only when its body has been read.

// retrier decides whether and when a failed call is tried again. What it
// knows of the server's health is shared by all calls.
type retrier struct {
	Retry
	stats  *Counters
	notify func(Trouble)
	well   func() // nil, or told of each success
	probe  func(context.Context) bool

	succeeded atomic.Int64 // time of the last success of anything, in ns
	begun     atomic.Int64 // when the youngest request that was answered well had begun, in ns
	reached   atomic.Bool  // a call of its own has been answered
}

// success notes that something has just come out well.
func (r *retrier) success() {
	r.succeeded.Store(time.Now().UnixNano())
	if r.well != nil {
		r.well()
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

func (r *retrier) lastSuccess() time.Time {
	if ns := r.succeeded.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// effort is the history of one call, over all its tries.
type effort struct {
	r         *retrier
	cl        *call
	tries     int
	failures  int       // since the last progress, throttling aside
	throttles int       // in a row
	since     time.Time // of the first of the failures
	last      time.Time // of the last of them
	ambiguous bool      // a write may have been done by some failed try
}

func (r *retrier) begin(cl *call) *effort { return &effort{r: r, cl: cl} }

// progress starts the count of failures anew, after part of an answer came.
func (e *effort) progress() {
	e.failures, e.throttles, e.since = 0, 0, time.Time{}
	e.r.success()
}

// failed takes the error of a try and waits until the next one is due. If
// there is to be none, it returns the error for the caller.
func (e *effort) failed(ctx context.Context, err error) error {
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
func (e *effort) next(ctx context.Context, err error) (time.Duration, error) {
	if ctx.Err() != nil {
		// It may be the failure of another call, for which ctx has ended, and is
		// not ours to mark.
		return 0, err
	}
	ae, ok := errors.AsType[*Error](err)
	if !ok || !passing(err) {
		return 0, e.final(err)
	}
	// A part of an upload is nothing by itself.
	maybeDone := e.cl.write() && e.cl.storage == nil && !certainlyNotDone(ae)
	if e.r.MaxElapsed < 0 {
		ae.uncertain = maybeDone
		return 0, e.final(err)
	}
	if ae.Status == http.StatusTooManyRequests {
		return e.throttled(ae), nil
	}
	before := e.last
	e.last = time.Now()
	if e.since.IsZero() {
		e.since, before = e.last, e.last
	}
	e.throttles = 0
	e.failures++
	if maybeDone && e.cl.unsafe {
		ae.uncertain = true
		return 0, ae
	}
	e.ambiguous = e.ambiguous || maybeDone
	left := e.r.MaxElapsed - time.Since(e.outageSince())
	switch {
	case left <= 0:
		ae.gaveUp, ae.outage = true, true
		return 0, e.final(ae)
	case e.failures >= e.enough(ae) && e.othersSucceed(ctx, before):
		ae.gaveUp, ae.uncertain = true, e.ambiguous
		return 0, e.final(ae)
	case e.r.lastSuccess().IsZero() && e.wrongAddress(ae):
		ae.gaveUp, ae.outage = true, true
		return 0, e.final(ae)
	}
	wait := min(max(e.backoff(e.failures, e.r.Base, e.r.Cap), ae.after), left)
	e.tell(ae, wait)
	return wait, nil
}

// unreachedTries is how often a storage is called that no call has reached yet.
const unreachedTries = 3

// unclearTries is how often a call is made while others succeed before an answer
// that is unclear is taken to stay so.
const unclearTries = 4

// enough returns how often the call is tried while others succeed. A storage
// that cannot be reached from here may be behind a firewall for good, and what
// would go there can go through the server. What is answered and not
// acknowledged may well have been done.
func (e *effort) enough(err *Error) int {
	if errors.Is(err, ErrNotAcknowledged) {
		if e.cl.silent {
			return 1
		}
		return min(silentTries, e.r.Tries)
	}
	if err.unclear {
		return min(unclearTries, e.r.Tries)
	}
	if e.cl.storage != nil && !e.r.reached.Load() && err.Status == 0 && certainlyNotDone(err) {
		return min(unreachedTries, e.r.Tries)
	}
	return e.r.Tries
}

// throttled returns the wait after an answer 429. Such an answer is no
// failure: the server is well and wants fewer requests, so neither the tries
// nor the retry budget are touched.
func (e *effort) throttled(ae *Error) time.Duration {
	e.throttles++
	e.since = time.Time{}
	e.r.stats.Throttled.Add(1)
	wait := ae.after
	if wait == 0 {
		wait = e.backoff(e.throttles, 4*e.r.Base, 2*e.r.Cap)
	}
	e.tell(ae, wait)
	return wait
}

// final marks the error with what the caller may have to know of earlier
// tries.
func (e *effort) final(err error) error {
	if ae, ok := errors.AsType[*Error](err); ok {
		ae.Repeated = e.ambiguous
	}
	return err
}

// outageSince returns since when nothing at all has succeeded, as far as this
// call can tell.
func (e *effort) outageSince() time.Time {
	if s := e.r.lastSuccess(); s.After(e.since) {
		return s
	}
	return e.since
}

// othersSucceed tells a broken object from a broken server: something else has
// been asked since the failure before this one, and was answered well. What was
// asked earlier may have been answered by the server before it broke down. When
// no other call shows it, the server is asked.
func (e *effort) othersSucceed(ctx context.Context, before time.Time) bool {
	if e.r.begun.Load() > before.UnixNano() {
		return true
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
func (e *effort) backoff(failures int, base, most time.Duration) time.Duration {
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

func (e *effort) tell(ae *Error, wait time.Duration) {
	if e.r.notify == nil {
		return
	}
	since := e.since
	if since.IsZero() {
		since = time.Now()
	}
	e.r.notify(Trouble{
		Method: ae.Method, Path: ae.Path, Err: ae, Since: since, Try: e.tries, Wait: wait,
		Throttled: ae.Status == http.StatusTooManyRequests,
	})
}

// do tries a call until it succeeds or there is no point in going on.
func (c *Client) do(ctx context.Context, cl *call) (*http.Response, error) {
	return c.doWith(ctx, cl, c.retry.begin(cl))
}

func (c *Client) doWith(ctx context.Context, cl *call, e *effort) (*http.Response, error) {
	for {
		began := time.Now()
		resp, err := c.try(ctx, cl)
		if err == nil || refused(err) {
			e.r.answered(began)
			e.r.reached.Store(true)
		}
		if err == nil {
			return resp, nil
		}
		if err := e.failed(ctx, err); err != nil {
			return nil, err
		}
	}
}

// refused reports whether a failed try shows that the server is well: it
// refused this one call for a reason of its own.
func refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status != 0 && e.Status < 500 && !passing(err)
}

// passing reports whether a failure may pass by itself.
func passing(err error) bool {
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
	case e.Status >= 500:
		return true
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return false
}

// passingCause sorts out the network failures that waiting does not mend.
func passingCause(err error) bool {
	for _, lasting := range []error{errTooLarge, errRedirects, errNoTag, ErrChanged, unpack.ErrRatio, http.ErrSchemeMismatch} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return false
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return false
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return false
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

// wrongAddress reports whether a failure before any success is likely to be due
// to the configured address: its host has no such name, or there is nothing
// but web pages and other answers that are not those of the API.
func (e *effort) wrongAddress(err *Error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return true
	}
	return e.failures >= e.enough(err) && (errors.Is(err, ErrNotJSON) || err.unclear)
}

// retryAfter reads the header of that name, in seconds or as a date.
func retryAfter(resp *http.Response) time.Duration {
	v := resp.Header.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil {
		now := time.Now()
		// The server's clock is the one that the date was made with.
		if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			now = d
		}
		return max(0, t.Sub(now))
	}
	return 0
}
