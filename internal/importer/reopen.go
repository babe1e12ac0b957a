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
func (e *experiment) markResumed(ctx context.Context) error {
	if !e.resumed.Load() {
		return nil
	}
	e.there = e.asFinished(e.there)
	return e.reopen(ctx)
}

// asFinished returns an experiment as it was before an import resumed it.
func (e *experiment) asFinished(there *comet.Experiment) *comet.Experiment {
	was := *there
	if was.Running && !e.rec.Running {
		was.Running = false
		if e.rec.End != nil {
			was.End = e.rec.End
		}
	}
	return &was
}

// findMark takes an experiment that an earlier import has marked for the
// finished one that it was.
func (e *experiment) findMark(there *comet.Experiment) *comet.Experiment {
	if e.r.Mode == VerifyOnly || e.rec.Start == nil || there.Start == nil || *there.Start != *e.rec.Start+reconcile.OpenMark {
		return there
	}
	e.reopening.found, e.reopening.done = true, true
	e.reopening.tried.Store(true)
	was := e.asFinished(there)
	if was.Running != there.Running {
		e.resumed.Store(true)
	}
	was.Start = e.rec.Start
	if e.rec.End != nil {
		was.End = e.rec.End
	}
	return was
}

// putBack leaves an experiment that was finished as it was found, but for what
// has been written to it, when its import has failed: it ends again, at its time.
// The mark is taken away, unless the next import needs it. Where that fails too
// the next import finds the mark.
func (e *experiment) putBack(ctx context.Context) {
	if e.r.Dry() || e.unfinished || !e.resumed.Load() && !e.reopening.tried.Load() {
		return
	}
	ctx, cancel := e.r.After(ctx)
	defer cancel()
	if e.resumed.Load() && (e.there == nil || !e.there.Running) {
		run, ok := e.runs.Peek()
		if !ok {
			run = comet.UsualRun(e.key) // its handshake was not understood
		}
		_ = e.endRun(ctx, run, e.there != nil && document.IsTrue(e.there.Crashed))
	}
	if e.there == nil || !e.reopening.tried.Load() {
		return
	}
	start := *e.rec.Start
	if e.reopening.found || e.reopening.half.Load() {
		start += reconcile.OpenMark
	}
	_ = e.setTimes(ctx, &start, e.there.End)
	e.r.Keys.Set(e.rec.Key, place.Experiment{Key: e.key, Start: &start, End: e.there.End, Crashed: document.IsTrue(e.there.Crashed)})
}
