package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// firstContact is how long a server is tried that has never answered: its
// address, or the way to it, is more likely to be wrong than it is to be down.
const firstContact = 30 * time.Second

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
	if !ok || !isTransient(err) || isCertificateError(err) && !e.r.worked(e.cl).Load() {
		return 0, e.final(err)
	}
	if e.r.MaxElapsed < 0 {
		e.item.fails(e.moved)
		ae.uncertain = e.maybeDone(ae)
		return 0, e.final(err)
	}
	e.hasFailed = true
	e.previous, e.last = e.last, time.Now()
	if e.failing.IsZero() && e.slowed.IsZero() {
		e.previous = e.last
	}
	if ae.Status == http.StatusTooManyRequests {
		return e.throttled(ctx, ae)
	}
	return e.failure(ctx, ae)
}

// failure is next for all failures but throttling.
func (e *callHistory) failure(ctx context.Context, ae *Error) (time.Duration, error) {
	if e.failing.IsZero() {
		e.failing, e.gained = e.item.fails(e.moved), 0
		e.failedFirst, e.othersWork = e.last, false
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
	if others := enough && e.othersSucceed(ctx); others || left <= 0 || e.unreachable(ae) {
		return e.giveUp(ae, !others)
	}
	most := e.r.Cap
	if quick {
		most = e.r.Base / 2
	}
	wait := backoff(e.failures, e.r.Base, most)
	switch {
	case ae.after <= left:
		wait = max(wait, ae.after)
	case !e.othersSucceed(ctx):
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
func (e *callHistory) throttled(ctx context.Context, ae *Error) (time.Duration, error) {
	if e.slowed.IsZero() {
		e.slowed = e.began
	}
	e.throttles++
	e.failing = time.Time{}
	e.r.stats.Throttled.Add(1)
	left := e.r.MaxThrottled - time.Since(e.r.lastSuccess(e.slowed))
	over := time.Since(e.slowed) >= e.r.MaxThrottled && e.throttles >= e.r.Tries
	wait := backoff(e.throttles, 4*e.r.Base, 2*e.r.Cap)
	switch {
	case left <= 0:
		return e.giveUp(ae, true)
	case ae.after > left:
		others := e.othersSucceed(ctx)
		if !others || e.throttles >= min(againTries, e.r.Tries) {
			return e.giveUp(e.tooLong(ae, left), !others)
		}
	case over && e.othersSucceed(ctx):
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
	return misconfigures(ae) && !e.r.worked(e.cl).Load()
}

// unreachable reports whether to give up a server that has never answered, or
// never as one of Comet does.
func (e *callHistory) unreachable(ae *Error) bool {
	if !e.r.works[0].Load() && !e.r.works[1].Load() && (errors.Is(ae, ErrNotJSON) || ae.unclear) {
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
	// costlyTries is how often a call is made while others succeed that gets no
	// answer, which takes minutes each time, or for which there are other ways.
	costlyTries = 3
	// unclearTries is how often a call is made while others succeed before an
	// answer that is unclear, or does not acknowledge a write, is taken to stay so.
	unclearTries = 4
)

// triedEnough reports whether a call has been tried often or long enough while others
// succeed, and whether to hurry with it. A storage that cannot be reached from
// here may be behind a firewall for good, and what would go there can go through
// the server. What is answered and not acknowledged may well have been done.
func (e *callHistory) triedEnough(ae *Error) (enough, quick bool) {
	tries, quick := e.r.health.failed(e.cl, ae.Status, e.failedFirst, e.r.MaxElapsed)
	// That its endpoint answers others may be newer than the last try.
	news := tries < always && !e.othersWork
	if news {
		e.othersWork, tries = true, max(tries, e.failures+1)
	}
	tries = min(tries, e.r.Tries)
	unanswered := errors.Is(ae, transport.ErrNoAnswer) || errors.Is(ae, transport.ErrStalled)
	unreached := e.r.optional && !e.r.reached.Load() && ae.Status == 0
	switch {
	case unanswered && (quick || unreached || e.cl.Heavy), e.cl.silent && errors.Is(ae, ErrNotAcknowledged):
		tries = 1
	case ae.unclear:
		tries = min(tries, unclearTries)
	case e.cl.Heavy, unanswered, unreached && certainlyNotDone(ae):
		tries = min(tries, costlyTries)
	case errors.Is(ae, ErrNotAcknowledged):
		tries = min(tries, unclearTries)
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
func (e *callHistory) othersSucceed(ctx context.Context) bool {
	if e.r.begun.Load() > e.previous.UnixNano() {
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
func backoff(failures int, base, most time.Duration) time.Duration {
	for ; failures > 1 && base < most; failures-- {
		base *= 2
	}
	return rand.N(min(base, most) + 1)
}
