package importer

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// single ends the work on a thing that stands by itself: err is what came of
// it.
func (r *run) single(o *report.Ledger, kind stream.Kind, name string, err error) {
	if err != nil && answer.Refused(err) {
		o.Issue(report.Issue{Class: r.missing(), Kind: string(kind), Name: name, Reason: err.Error()})
		err = nil
	}
	if err != nil {
		o.Out.Result = report.ResultFailed
		err = fmt.Errorf("%s %q: %w", kind, name, err)
	}
	if err != nil || len(o.Out.Issues) > 0 || o.Out.Written.Any() {
		r.finished(&o.Out, err)
	}
}

// confirm reads back what has been written, if that is asked for, and tells what
// does not show.
func (r *run) confirm(ctx context.Context, o *report.Ledger, i report.Issue, shows func() (bool, error)) error {
	if !r.verifies() {
		return nil
	}
	ok, err := r.shows(ctx, shows)
	if err == nil && !ok {
		i.Class = report.Unverified
		o.Issue(i)
	}
	return err
}

// shows reads what has been written a moment ago until it shows, or so many
// readings have agreed that it does not. Who writes nothing reads once.
func (r *run) shows(ctx context.Context, read func() (bool, error)) (bool, error) {
	for n := 1; ; n++ {
		ok, err := read()
		if err != nil || ok || n == agreeing || r.dry() {
			return ok, err
		}
		if err := flow.Pause(ctx, r.o.Settle); err != nil {
			return false, err
		}
	}
}

// missing is the class of what the destination does not take, or would not if it
// were written.
func (r *run) missing() report.IssueClass {
	if r.o.Mode == VerifyOnly {
		return report.Unverified
	}
	return report.Missing
}
