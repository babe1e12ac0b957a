package importer

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/stream"
)

// single ends the work on a thing that stands by itself: err is what came of
// it.
func (r *run) single(o *ledger, kind stream.Kind, name string, err error) {
	if err != nil && refused(err) {
		o.issue(Issue{Class: r.missing(), Kind: string(kind), Name: name, Reason: err.Error()})
		err = nil
	}
	if err != nil {
		o.out.Result = ResultFailed
		err = fmt.Errorf("%s %q: %w", kind, name, err)
	}
	if err != nil || len(o.out.Issues) > 0 || o.out.Written.any() {
		r.finished(&o.out, err)
	}
}

// confirm reads back what has been written, if that is asked for, and tells what
// does not show.
func (r *run) confirm(ctx context.Context, o *ledger, i Issue, shows func() (bool, error)) error {
	if !r.verifies() {
		return nil
	}
	ok, err := r.shows(ctx, shows)
	if err == nil && !ok {
		i.Class = Unverified
		o.issue(i)
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
		if err := pause(ctx, r.o.Settle); err != nil {
			return false, err
		}
	}
}

// issueEmpty tells of an artifact or registry model that the destination has not,
// unless something has been told or written of its versions.
func (l *ledger) issueEmpty(class IssueClass) {
	if len(l.out.Issues) == 0 && !l.out.Written.any() {
		l.issue(Issue{Class: class, Kind: l.out.Kind, Name: l.out.Name, Reason: "it has no version, and comes into being with its first one"})
	}
}

// missing is the class of what the destination does not take, or would not if it
// were written.
func (r *run) missing() IssueClass {
	if r.o.Mode == VerifyOnly {
		return Unverified
	}
	return Missing
}
