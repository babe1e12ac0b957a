package importer

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
)

// markResumed marks a finished experiment that a handshake has resumed before it
// was found, and takes it for the finished one that it was.
func (e *opening) markResumed(ctx context.Context) error {
	if !e.resumed.Load() {
		return nil
	}
	e.Existing = e.asFinished(e.Existing)
	return e.Reopen(ctx)
}

// asFinished returns an experiment as it was before an import resumed it.
func (e *opening) asFinished(existing *comet.Experiment) *comet.Experiment {
	was := *existing
	if was.Running && !e.Record.Running {
		was.Running = false
		if e.Record.End != nil {
			was.End = e.Record.End
		}
	}
	return &was
}

// findMark takes an experiment that an earlier import has marked for the
// finished one that it was.
func (e *opening) findMark(existing *comet.Experiment) *comet.Experiment {
	if e.Mode == VerifyOnly || e.Record.Start == nil || existing.Start == nil || *existing.Start != *e.Record.Start+reconcile.OpenMark {
		return existing
	}
	e.Reopening.Found, e.Reopening.Done = true, true
	e.Reopening.Tried.Store(true)
	was := e.asFinished(existing)
	if was.Running != existing.Running {
		e.resumed.Store(true)
	}
	was.Start = e.Record.Start
	if e.Record.End != nil {
		was.End = e.Record.End
	}
	return was
}

// putBack leaves an experiment that was finished as it was found, but for what
// has been written to it, when its import has failed: it ends again, at its time.
// The mark is taken away, unless the next import needs it. Where that fails too
// the next import finds the mark.
func (e *ending) putBack(ctx context.Context) {
	if e.Dry() || e.Unfinished || !e.resumed.Load() && !e.Reopening.Tried.Load() {
		return
	}
	ctx, cancel := e.CleanupContext(ctx)
	defer cancel()
	if e.resumed.Load() && (e.Existing == nil || !e.Existing.Running) {
		run, ok := e.runs.Peek()
		if !ok {
			run = comet.UsualRun(e.Key) // its handshake was not understood
		}
		_ = e.endRun(ctx, run, e.Existing != nil && document.IsTrue(e.Existing.Crashed))
	}
	if e.Existing == nil || !e.Reopening.Tried.Load() {
		return
	}
	start := *e.Record.Start
	if e.Reopening.Found || e.Reopening.Half.Load() {
		start += reconcile.OpenMark
	}
	_ = e.SetTimes(ctx, e.Key, &start, e.Existing.End)
	e.r.Keys.Set(e.Record.Key, place.Experiment{Key: e.Key, Project: e.project.Target.Name, Start: &start, End: e.Existing.End, Crashed: document.IsTrue(e.Existing.Crashed)})
}
