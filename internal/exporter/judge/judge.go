package judge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// WriteError is a failure of the stream's output, which no server is the cause
// of.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return e.Err.Error() }
func (e *WriteError) Unwrap() error { return e.Err }

// ItemError is an error of one item, and of nothing else.
type ItemError struct {
	err     error
	passing bool // a later try may have success
}

func (e *ItemError) Error() string { return e.err.Error() }
func (e *ItemError) Unwrap() error { return e.err }

// ItemErrorf returns the [*ItemError] of what is wrong with an item that the server
// did give.
func ItemErrorf(format string, args ...any) error {
	return &ItemError{err: fmt.Errorf(format, args...)}
}

// Contradictionf returns the [*ItemError] of two answers that do not go together, so
// that it is not known which of them is right.
func Contradictionf(format string, args ...any) error {
	return &ItemError{err: fmt.Errorf(format, args...), passing: true}
}

// Fatal reports whether an error ends the export: the key is not accepted,
// nothing succeeds any more, or we are to stop. All others are about the item
// that was asked for.
func Fatal(err error) bool {
	if _, ok := errors.AsType[*ItemError](err); ok {
		return false
	}
	e, ok := errors.AsType[*comet.Error](err)
	switch {
	case !ok, errors.Is(err, comet.ErrUnauthorized), errors.Is(err, comet.ErrOutage), errors.Is(err, comet.ErrMisconfigured):
		return true
	case errors.Is(err, comet.ErrServer), e.Status != 0:
		return false
	}
	return isNetwork(err)
}

// isNetwork tells a failure of the network, met while no retries are allowed,
// from an answer that cannot be used.
func isNetwork(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// Missing reports whether the server says that there is no such thing.
func Missing(err error) bool { return errors.Is(err, comet.ErrNotFound) }

// Absence reports whether err says that something which exists has no item of a
// kind. For a list, a server would return an empty one instead, unless the user
// has declared the words.
func Absence(of stream.Kind, err error) bool {
	e, ok := errors.AsType[*comet.Error](err)
	if !ok || !Missing(err) {
		return false
	}
	switch of {
	case stream.KindExperiment, stream.KindParameters, stream.KindOthers, stream.KindMetrics, stream.KindAsset:
		return e.Named
	}
	return !e.Parent
}

// Unsupported reports whether it is certain that the server does not have the
// call.
func Unsupported(err error) bool {
	return errors.Is(err, comet.ErrUnsupported) && !errors.Is(err, comet.ErrUnclear)
}

// isPassing reports whether a later try may have success with an item.
func isPassing(err error) bool {
	if e, ok := errors.AsType[*ItemError](err); ok {
		return e.passing
	}
	e, ok := errors.AsType[*comet.Error](err)
	switch {
	case !ok:
		return false
	case errors.Is(err, comet.ErrUnclear):
		return !e.Own // the server itself will say the same again
	}
	return errors.Is(err, comet.ErrServer) || e.Status == 0 || e.Status == 429 || e.Status >= 500
}

// An Item says what an error is of. What does not apply is "".
type Item struct {
	Kind               stream.Kind
	Workspace, Project string
	Experiment         string // key
	ID, Name           string
}

// Skipped describes the item, which could not be had because of err.
func (i Item) Skipped(err error) *stream.Skipped {
	s := &stream.Skipped{
		Of:         i.Kind,
		Workspace:  Valid(i.Workspace),
		Project:    Valid(i.Project),
		Experiment: TextOrNil(i.Experiment),
		ID:         TextOrNil(i.ID),
		Name:       TextOrNil(i.Name),
		Passing:    isPassing(err),
		Reason:     Valid(err.Error()),
	}
	if e, ok := errors.AsType[*comet.Error](err); ok {
		s.Status = e.Status
	}
	return s
}

// TextOrNil returns nil for an empty text.
func TextOrNil(s string) *string {
	if s == "" {
		return nil
	}
	s = Valid(s)
	return &s
}

// Valid makes a text fit for a record, which is UTF-8.
func Valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// AbortClass returns the class of the abort record for an error that has ended
// an export. Whoever reads the stream goes by it: "server" says that another run
// may come to its end.
func AbortClass(err error) string {
	if _, ok := errors.AsType[*WriteError](err); ok {
		return "output"
	}
	e, ok := errors.AsType[*comet.Error](err)
	switch {
	case ok && e.Denied():
		return "unauthorized"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "interrupted"
	case ok && (errors.Is(err, comet.ErrMisconfigured) || Missing(err)):
		return "error"
	case isPassing(err), ok && e.Status != 0:
		return "server"
	}
	return "error"
}
