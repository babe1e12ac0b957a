package importer

import (
	"context"
	"errors"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
)

// keyError says that an experiment cannot have the key that it should have.
type keyError struct {
	key, reason string
}

func (e *keyError) Error() string { return fmt.Sprintf("key %q: %s", e.key, e.reason) }

// ExitCode returns 3: the experiment is missing, and the reason has been
// reported.
func (e *keyError) ExitCode() int { return 3 }

// open finds or creates the experiment at the destination, and claims it until
// the function it returns is called.
func (e *opening) open(ctx context.Context) (free func(), err error) {
	if err := document.Read(e.Record.Doc, &e.doc); err != nil {
		return nil, err
	}
	if err := e.project.Wait(ctx); err != nil {
		return nil, err
	}
	if err := e.chooseKey(); err != nil {
		return nil, err
	}
	for {
		free, err := e.r.busy.Lock(ctx, e.Key)
		if err != nil {
			return nil, err
		}
		again, err := e.openKey(ctx)
		if err == nil && !again {
			if e.Out.Result != report.ResultElsewhere {
				e.r.Keys.Set(e.Record.Key, e.imported())
			}
			return free, nil
		}
		free()
		if err != nil {
			return nil, err
		}
	}
}

// imported returns the experiment as it is to be left: with the times and the
// state of the stream, or, where it was finished before, with its own.
func (e *opening) imported() place.Experiment {
	k := place.Experiment{Key: e.Key, Project: e.project.Target.Name, Start: e.Record.Start, End: e.Record.End, Crashed: document.IsTrue(e.Record.Crashed)}
	if e.Existing != nil && !e.Unfinished && !e.StreamWins {
		k.Start, k.End, k.Crashed = e.Existing.Start, e.Existing.End, document.IsTrue(e.Existing.Crashed)
	}
	return k
}

func (e *opening) chooseKey() error {
	from := place.Project{Workspace: e.Record.Workspace, Name: e.Record.Project}
	e.Key = e.Record.Key
	switch keep := e.r.o.Keys; {
	case keep == place.KeysDerive:
		return e.derive("")
	case !place.ValidKey(e.Key):
		return e.derive("the destination accepts only keys of 32 to 50 letters and digits")
	case e.source.Same && from != e.project.Target:
		return e.derive("the destination is the source, where the key is taken")
	}
	return nil
}

// derive changes to the derived key, unless keys have to be kept for whatever
// reason.
func (e *opening) derive(reason string) error {
	if e.r.o.Keys == place.KeysRequire {
		return &keyError{e.Record.Key, reason}
	}
	e.Key, e.Derived = place.DeriveKey(e.Record.Key, e.project.Target), true
	return nil
}

// deriveFor is derive for a reason that the destination has given.
func (e *opening) deriveFor(reason string) error {
	e.Issue(report.Issue{Class: report.Noted, Kind: "key", Name: e.Record.Key, Reason: "a new key was derived: " + reason})
	return e.derive(reason)
}

// openKey opens the experiment with the chosen key. again means that another
// key was chosen, to be tried next.
func (e *opening) openKey(ctx context.Context) (again bool, err error) {
	if e.openListed(ctx) {
		return false, nil
	}
	if e.Dry() {
		return e.look(ctx)
	}
	run, err := e.newRun(ctx)
	switch {
	case err == nil:
		e.StreamWins = true
		e.runs.Set(run)
		return false, e.begun(ctx, run)
	case errors.Is(err, comet.ErrExists):
		return e.openTaken(ctx)
	case e.refusesKey(err):
		return e.openRefused(ctx, err)
	}
	return false, fmt.Errorf("handshake: %w", err)
}

// metadata reads what the destination says of a key.
func (e *opening) metadata(ctx context.Context, key string) (*comet.Experiment, error) {
	existing, err := e.Client.Experiments.Metadata(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	return existing, nil
}

// openRefused goes on after a handshake that was refused for no reason that is
// understood: perhaps because there is the experiment.
func (e *opening) openRefused(ctx context.Context, refusal error) (again bool, err error) {
	existing, err := e.metadata(ctx, e.Key)
	if answer.Hidden(err) {
		return true, e.deriveFor(refusal.Error())
	}
	return e.openExisting(ctx, existing, err)
}

func (e *opening) openTaken(ctx context.Context) (again bool, err error) {
	existing := e.seen
	if e.seen = nil; existing == nil {
		existing, err = e.metadata(ctx, e.Key)
	}
	if answer.Hidden(err) {
		existing, err = e.hidden(ctx)
	}
	switch {
	case answer.Hidden(err) && e.Derived:
		return false, &keyError{e.Key, hiddenReason}
	case answer.Hidden(err):
		return true, e.deriveFor(hiddenReason)
	}
	return e.openExisting(ctx, existing, err)
}

const hiddenReason = "it is taken at the destination by an experiment that the API key cannot read"

// hidden finds out more of an experiment that the handshake knows and the
// reading does not: whether it is someone else's, or the reading only lags
// behind. A mistake here would make a second copy of it.
func (e *opening) hidden(ctx context.Context) (*comet.Experiment, error) {
	run, err := e.Client.Experiments.Open(ctx, e.Key)
	if err != nil {
		return nil, err
	}
	e.runs.Set(run)
	e.resumed.Store(true)
	if err := e.Pause(ctx); err != nil {
		return nil, err
	}
	existing, err := reconcile.Settle(ctx, e.Pause, reconcile.MaxUnsteady, func(int) (*comet.Experiment, bool, error) {
		existing, err := e.metadata(ctx, e.Key)
		if answer.Hidden(err) {
			return nil, false, nil
		}
		return existing, true, err
	})
	if existing == nil && err == nil {
		// It can be written to, so it is not hidden.
		err = errUnreadable
	}
	return existing, err
}

var errUnreadable = fmt.Errorf("not readable after %d tries, although the handshake succeeds", reconcile.MaxUnsteady)

// openExisting takes an experiment that exists for ours if it is in the target
// project; err is that of the reading.
func (e *opening) openExisting(ctx context.Context, existing *comet.Experiment, err error) (again bool, _ error) {
	if err != nil {
		return false, err
	}
	ours, err := e.inTarget(ctx, existing)
	if err != nil {
		return false, err
	}
	if !ours {
		return e.elsewhere(existing)
	}
	e.Existing = e.findMark(existing)
	e.Unfinished = !e.sameTimes() && e.Mode != VerifyOnly
	e.StreamWins = e.Unfinished || e.Update
	if !e.Unfinished || e.Dry() {
		return false, e.markResumed(ctx)
	}
	run, err := e.run(ctx)
	if err != nil {
		return false, fmt.Errorf("handshake: %w", err)
	}
	return false, e.begun(ctx, run)
}

// begun says that the experiment is being written to.
func (e *opening) begun(ctx context.Context, run *comet.Run) error {
	err := e.EnsureExperiment(ctx, e.Key, func() error { return e.Client.Experiments.ReportStatus(ctx, run, true, true) },
		func(m *comet.Experiment) bool { return m.Running })
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return nil
}

// inTarget reports whether an experiment of the destination is in the target
// project. Servers may leave out where it is.
func (e *opening) inTarget(ctx context.Context, existing *comet.Experiment) (bool, error) {
	target := e.project.Target
	switch {
	case existing.Workspace != "" && existing.Project != "":
		return existing.Workspace == target.Workspace && existing.Project == target.Name, nil
	case existing.ProjectID != "" && e.project.ID != "":
		return existing.ProjectID == e.project.ID, nil
	}
	for x, err := range e.Client.Experiments.List(ctx, comet.Listing{Workspace: target.Workspace, Project: target.Name}) {
		if err != nil {
			return false, fmt.Errorf("list experiments of %q: %w", target, err)
		}
		if x.Key == e.Key {
			return true, nil
		}
	}
	return false, nil
}

// elsewhere decides on an experiment whose key is taken in another project.
func (e *opening) elsewhere(existing *comet.Experiment) (again bool, err error) {
	where := place.Project{Workspace: existing.Workspace, Name: existing.Project}
	reason := fmt.Sprintf("the destination has its key in %q", where)
	if !e.Derived && e.r.o.Elsewhere == place.ElsewhereDerive && e.r.o.Keys != place.KeysRequire {
		return true, e.deriveFor(reason)
	}
	e.Out.Result = report.ResultElsewhere
	e.Out.URL = e.Client.ExperimentURL(existing.Workspace, existing.Project, existing.Key, existing.Archived)
	e.Issue(report.Issue{Class: report.Noted, Kind: report.KindExperiment, Name: e.Out.Name, ID: e.Key, Reason: reason})
	return false, nil
}

// look finds the experiment without a handshake, which would create it: under its
// key, or under the one that an earlier import may have had to derive.
func (e *opening) look(ctx context.Context) (again bool, err error) {
	existing, err := e.metadata(ctx, e.Key)
	switch {
	case errors.Is(err, comet.ErrForbidden) && !e.Derived:
		return true, e.deriveFor(hiddenReason)
	case !answer.Hidden(err):
		return e.openExisting(ctx, existing, err)
	case e.Derived || e.r.o.Keys != place.KeysKeep:
		return false, nil
	}
	derived := place.DeriveKey(e.Record.Key, e.project.Target)
	existing, err = e.metadata(ctx, derived)
	if answer.Hidden(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if ours, err := e.inTarget(ctx, existing); err != nil || !ours {
		return false, err
	}
	e.Key, e.Derived = derived, true
	return true, nil
}

// sameTimes reports whether the experiment at the destination has the times of
// the stream. They are the last that an import sets, so that an experiment with
// another start has never been finished.
func (e *opening) sameTimes() bool {
	switch {
	case e.Record.Start != nil:
		return reconcile.Equal(e.Record.Start, e.Existing.Start)
	case e.Record.End != nil:
		return reconcile.Equal(e.Record.End, e.Existing.End)
	}
	return !e.Existing.Running
}
