package api

import (
	"errors"
	"net"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// What a failed try says: whether the server is well, whether the failure may pass,
// and whether a write may have been done.

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

// maybeDone reports whether a write may have been done by a try that failed. A
// part of an upload is nothing by itself.
func (e *callHistory) maybeDone(ae *Error) bool {
	return e.cl.write() && e.cl.storage == nil && !certainlyNotDone(ae)
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
