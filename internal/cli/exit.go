package cli

import (
	"errors"
	"flag"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// The exit codes of the three tools. Scripts depend on them.
const (
	ExitOK          = 0   // all done
	ExitFailed      = 1   // failed
	ExitUsage       = 2   // usage or configuration; nothing was touched
	ExitIncomplete  = 3   // finished, but an item is missing, elsewhere or differs
	ExitInput       = 4   // the input is truncated, damaged or not a stream
	ExitServer      = 5   // the server kept failing; run again
	ExitDenied      = 6   // key or permission
	ExitDiffers     = 7   // verification found differences
	ExitHangup      = 129 // SIGHUP
	ExitInterrupted = 130 // SIGINT
	ExitBrokenPipe  = 141 // nobody reads standard output any more
	ExitTerminated  = 143 // SIGTERM
)

// precedence orders the codes of a run that several things happened to: the
// first of them that occurs is the exit code. A usage error stands alone, since
// nothing was touched; a run that nobody reads any more has nothing to tell.
var precedence = []int{
	ExitInterrupted, ExitTerminated, ExitHangup, ExitUsage, ExitDenied, ExitServer,
	ExitInput, ExitFailed, ExitDiffers, ExitIncomplete, ExitBrokenPipe,
}

// Error is an error with the exit code it leads to and hints on what to do.
type Error struct {
	Code  int
	Err   error
	Hints []string
}

// Error returns the text of the wrapped error, without the hints.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode returns the exit code the error leads to.
func (e *Error) ExitCode() int { return e.Code }

// Hint returns what the user can do about the error, one sentence a line.
func (e *Error) Hint() []string { return e.Hints }

// withCode gives err an exit code, and hints on what to do. It returns nil if
// err is nil.
func withCode(code int, err error, hints ...string) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Err: err, Hints: hints}
}

// exitCoder is an error that knows its exit code, like [*Error] and the errors
// of package config.
type exitCoder interface {
	error
	ExitCode() int
}

// ExitCode returns the exit code for what a command returned. Where err joins
// several errors, the first of 130, 143, 129, 2, 6, 5, 4, 1, 7, 3, 141 that occurs
// among them is taken. Errors of the server have the code of their class, those
// of a stream [ExitInput] or the code that its abort says; an error without a code
// is [ExitFailed].
func ExitCode(err error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return ExitOK
	}
	return mergeCodes(exitCodes(err)...)
}

// mergeCodes returns the most important of codes, [ExitOK] if there is none.
func mergeCodes(codes ...int) int {
	for _, code := range precedence {
		if slices.Contains(codes, code) {
			return code
		}
	}
	for _, code := range codes {
		if code != ExitOK {
			return ExitFailed
		}
	}
	return ExitOK
}

// exitCodes returns the codes found in the tree of err: the outermost one of
// each branch, ExitFailed for a branch that has none.
func exitCodes(err error) []int {
	if coder, ok := err.(exitCoder); ok {
		return []int{coder.ExitCode()}
	}
	switch e := err.(type) {
	case *comet.Error:
		return []int{codeOfCall(e)}
	case *stream.Error:
		return []int{ExitInput}
	case *stream.AbortedError:
		return []int{codeOfAbort(e)}
	case *find.KeysError, *selection.NothingError:
		return []int{ExitIncomplete}
	case interface{ Unwrap() []error }:
		var codes []int
		for _, sub := range e.Unwrap() {
			codes = append(codes, exitCodes(sub)...)
		}
		return codes
	case interface{ Unwrap() error }:
		if sub := e.Unwrap(); sub != nil {
			return exitCodes(sub)
		}
	}
	return []int{ExitFailed}
}

// codeOfInput returns the exit code for an input that ends badly: that of its
// abort, so that the end of a pipe says what its beginning would, else
// [ExitInput].
func codeOfInput(err error) int {
	if aborted, ok := errors.AsType[*stream.AbortedError](err); ok {
		return codeOfAbort(aborted)
	}
	return ExitInput
}

// codeOfAbort returns the exit code of the tool that has aborted a stream, as far
// as it says what to do: run it again, or with another key.
func codeOfAbort(e *stream.AbortedError) int {
	switch e.Class {
	case "server":
		return ExitServer
	case "unauthorized":
		return ExitDenied
	}
	return ExitInput
}

// is reports whether an error of a type is in the tree of err.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
