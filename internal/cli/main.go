package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Main runs one command, prints the error it returns, and returns the exit
// code for os.Exit.
//
// The first SIGINT, SIGTERM or SIGHUP cancels the context of the command, with an
// error as its cause that holds exit code 130, 143 or 129; a second one has its
// default effect and ends the process at once. Under nohup SIGHUP does nothing.
func Main(name string, run func(context.Context, IO, []string) error, stdio IO, args []string) int {
	// Package net/http prints what broken servers send after an answer. A request
	// that fails of it is retried and reported like any other.
	log.SetOutput(io.Discard)
	ctx, stop := notify(context.Background())
	defer stop()
	return finish(ctx, name, stdio, run(ctx, stdio, args))
}

// finish prints what the user must know of err and returns its exit code.
func finish(ctx context.Context, name string, stdio IO, err error) int {
	code := ExitCode(err)
	if err == nil || code == ExitOK {
		return ExitOK
	}
	interrupt, interrupted := errors.AsType[*interruptError](context.Cause(ctx))
	if interrupted {
		code = mergeCodes(code, interrupt.ExitCode())
	}
	switch {
	case code == ExitBrokenPipe:
		// Whoever read the output has left, as head does: no news for anyone.
	case interrupted && errors.Is(err, context.Canceled):
		printError(stdio.Stderr, name, &Error{Code: code, Err: interrupt, Hints: hintsOf(err)})
	default:
		printError(stdio.Stderr, name, err)
	}
	return code
}

// interruptError is the cause of a context that a signal has cancelled. It
// counts as context.Canceled too.
type interruptError struct{ signal os.Signal }

func (e *interruptError) Error() string { return fmt.Sprintf("stopped by a signal: %v", e.signal) }

func (e *interruptError) Unwrap() error { return context.Canceled }

// ExitCode is what a shell reports of a process that the signal has ended.
func (e *interruptError) ExitCode() int {
	switch e.signal {
	case syscall.SIGTERM:
		return ExitTerminated
	case syscall.SIGHUP:
		return ExitHangup
	}
	return ExitInterrupted
}

// notify returns a context that the first SIGINT, SIGTERM or SIGHUP cancels, after
// which signals have their default effect again. stop must be called in the
// end; it waits for the goroutine that watches.
func notify(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(&interruptError{s})
		case <-ctx.Done():
			signal.Stop(signals)
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-watched
	}
}

// graceTime is how long work in flight may go on after the first signal.
const graceTime = 10 * time.Second

// withGrace returns a context for work in flight: it is cancelled, with the
// cause of ctx, once d has passed since ctx was. New work looks at ctx itself.
func withGrace(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	grace, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-grace.Done():
		}
	})
	return grace, func() {
		stop()
		cancel(context.Canceled)
	}
}
