package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
)

// refusedError says that something was left unfinished because the destination
// has refused a part of it, which was reported.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }

func (e *refusedError) Unwrap() error { return e.err }

// ExitCode returns 3: another try would change nothing.
func (e *refusedError) ExitCode() int { return 3 }

// Stopped is why the work in flight was ended for all. It does not unwrap, so
// that nobody takes it for the answer to a request of its own.
type Stopped struct{ Err error }

func (e *Stopped) Error() string { return "stopped: " + e.Err.Error() }

// Finished takes the outcome of an experiment or another thing.
func (d *Destination) Finished(o *report.Outcome, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o.DryRun = d.Mode != Write
	if err != nil {
		o.Error = err.Error()
		if answer.Refused(err) && !errors.Is(err, comet.ErrForbidden) {
			err = &refusedError{err}
		}
		d.failures.add(err)
		d.ConcernsAll(err)
	}
	d.summary.Add(o)
	d.Outcome(o)
}

// Count changes the summary.
func (d *Destination) Count(f func(*report.Summary)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.summary)
}

// CountWritten counts something that was written of a project or workspace.
func (d *Destination) CountWritten(kind string) {
	d.Count(func(s *report.Summary) {
		if s.Other == nil {
			s.Other = make(map[string]int64)
		}
		s.Other[kind]++
	})
}

// HasWritten reports whether something of a kind was written of a workspace.
func (d *Destination) HasWritten(kind string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.summary.Other[kind] > 0
}

// ConcernsAll ends the import where an error is not of one item or experiment: a
// key that is not accepted, a server that is gone, no disk space for files.
func (d *Destination) ConcernsAll(err error) {
	_, temp := errors.AsType[*spool.TempError](err)
	if temp || errors.Is(err, comet.ErrUnauthorized) || errors.Is(err, comet.ErrOutage) || errors.Is(err, comet.ErrMisconfigured) {
		d.Fail(&Stopped{err})
	}
}

// Single ends the work on a thing that stands by itself: err is what came of
// it.
func (d *Destination) Single(o *report.Ledger, name string, err error) {
	if answer.Refused(err) {
		o.Issue(report.Issue{Class: d.Class(report.Missing), Kind: o.Out.Kind, Name: name, Reason: err.Error()})
		err = nil
	}
	if err != nil {
		o.Out.Result = report.ResultFailed
		err = fmt.Errorf("%s %q: %w", o.Out.Kind, name, err)
	}
	if err != nil || len(o.Out.Issues) > 0 || o.Out.Written.Any() {
		d.Finished(&o.Out, err)
	}
}

// Summary returns what has become of all. Nothing may be under way.
func (d *Destination) Summary() *report.Summary { return &d.summary }

// Failures returns why things could not be finished: the first hundred reasons, and
// of the others each that leads to another exit code. more is how many there are
// besides.
func (d *Destination) Failures() (reasons []error, more int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failures.kept, d.failures.more
}

// failures are the reasons that are kept of any number.
type failures struct {
	kept  []error
	known map[failure]bool // the kinds of those that are kept
	more  int64
}

// A failure is what the exit code of an error depends on.
type failure struct {
	refused, denied, server, uncertain, unclear, misconfigured, absent, stopped, canceled bool

	status int
}

const keptFailures = 100

func (f *failures) add(err error) {
	kind := failure{
		server: errors.Is(err, comet.ErrServer), uncertain: errors.Is(err, comet.ErrUncertain), unclear: errors.Is(err, comet.ErrUnclear),
		misconfigured: errors.Is(err, comet.ErrMisconfigured), absent: errors.Is(err, comet.ErrNotFound), canceled: errors.Is(err, context.Canceled),
	}
	_, kind.refused = errors.AsType[*refusedError](err)
	_, kind.stopped = errors.AsType[*Stopped](err)
	if e, ok := errors.AsType[*comet.Error](err); ok {
		kind.denied, kind.status = e.Denied(), e.Status
	}
	if len(f.kept) >= keptFailures && f.known[kind] {
		f.more++
		return
	}
	if f.known == nil {
		f.known = make(map[failure]bool)
	}
	f.kept, f.known[kind] = append(f.kept, err), true
}
