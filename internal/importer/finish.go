package importer

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
)

// finish sets what has to come last: state, times and the archived flag, once
// all else is confirmed. Later writes would move the end of the experiment.
//
// The times come after the state and before the archived flag. An experiment
// with the times of the stream is therefore one that was finished but for that
// flag, and an archived one needs no other mark. One that is written to later is
// marked by its start, see reopen.
func (e *opening) finish(ctx context.Context) error {
	switch {
	case e.r.Mode == VerifyOnly:
		return nil
	case e.Existing == nil || e.Unfinished:
		return e.finishNew(ctx)
	}
	return e.finishThere(ctx)
}

func (e *opening) finishNew(ctx context.Context) error {
	if !e.r.Dry() {
		run, err := e.run(ctx)
		if err != nil {
			return err
		}
		if err := e.endRun(ctx, run, document.IsTrue(e.Record.Crashed)); err != nil {
			return err
		}
		if err := e.setFirstTimes(ctx, run); err != nil {
			return fmt.Errorf("set times: %w", err)
		}
	}
	if e.Unfinished {
		e.Wrote("times")
	}
	return e.setArchived(ctx)
}

// endRun ends the experiment, as one that has crashed if it has.
func (e *opening) endRun(ctx context.Context, run *comet.Run, crashed bool) error {
	if err := e.r.ReportEnd(ctx, run); err != nil {
		return fmt.Errorf("end: %w", err)
	}
	return e.setCrashed(ctx, crashed)
}

// setCrashed tells that the experiment has crashed, if it has.
func (e *opening) setCrashed(ctx context.Context, crashed bool) error {
	if !crashed {
		return nil
	}
	err := e.r.UpdateStatus(ctx, e.Key, true)
	if answer.Unsupported(err) {
		e.Issue(report.Issue{Class: report.Missing, Kind: "state", Reason: "the destination knows no crashed experiments"})
		return nil
	}
	if err != nil {
		return fmt.Errorf("set state: %w", err)
	}
	return nil
}

// setFirstTimes sets the times of an experiment for the first time.
func (e *opening) setFirstTimes(ctx context.Context, run *comet.Run) error {
	end := e.ended()
	switch {
	case end != nil:
		err := e.r.SureTimes(ctx, e.Key, e.Record.Start, end, func() error { return e.r.Client.Experiments.SetOfflineTimes(ctx, run, e.Record.Start, *end) })
		if answer.Refused(err) {
			// The REST API has another call for it.
			return e.SetOwnTimes(ctx, e.Record.Start, end)
		}
		return err
	case e.Record.Start != nil:
		return e.SetOwnTimes(ctx, e.Record.Start, nil)
	}
	return nil
}

// ended is the end that a new experiment gets. Of one that was running nothing is
// known after the stream was written, however much later it is imported.
func (e *opening) ended() *int64 {
	if e.Record.End != nil || !e.Record.Running || e.source.Written <= 0 {
		return e.Record.End
	}
	end := e.source.Written
	if e.Record.Start != nil {
		end = max(end, *e.Record.Start)
	}
	return &end
}

// setArchived archives the experiment where the stream has it archived.
func (e *opening) setArchived(ctx context.Context) error {
	archived := e.Existing != nil && e.Existing.Archived
	switch {
	case e.Record.Archived == archived:
		return nil
	case !e.Record.Archived && !e.StreamWins:
		e.Differs(report.Issue{Kind: "archived", Reason: "it is archived at the destination"})
		return nil
	}
	set := e.r.Client.Experiments.Restore
	if e.Record.Archived {
		set = e.r.Client.Experiments.Archive
	}
	err := e.WriteLast("archived", func() error {
		return e.r.SureOf(ctx, e.Key, func() error { return set(ctx, e.Key) },
			func(m *comet.Experiment) bool { return m.Archived == e.Record.Archived })
	})
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// finishThere ends the work on an experiment that was finished before.
func (e *opening) finishThere(ctx context.Context) error {
	if err := e.compareState(ctx); err != nil {
		return err
	}
	end, wrong := e.Existing.End, false
	if e.Record.End != nil && !reconcile.Equal(e.Record.End, e.Existing.End) && !e.runsThere(e.Existing) {
		if wrong = e.StreamWins; wrong {
			end = e.Record.End
		} else {
			e.Differs(report.Issue{Kind: "end time", Reason: fmt.Sprintf("%d in the stream, %s at the destination", *e.Record.End, timeText(e.Existing.End))})
		}
	}
	if err := e.endAgain(ctx); err != nil {
		return err
	}
	// What was written has moved the end, so it is set again.
	if e.Reopened() || e.Out.Written.Any() || wrong {
		start := e.Existing.Start
		if e.Record.Start != nil && (e.StreamWins || e.Reopened()) {
			start = e.Record.Start
		}
		err := e.WriteLast("times", func() error { return e.SetOwnTimes(ctx, start, end) })
		if err != nil {
			return fmt.Errorf("set times: %w", err)
		}
	}
	return e.setArchived(ctx)
}

// endAgain ends an experiment that was resumed to be written to.
func (e *opening) endAgain(ctx context.Context) error {
	if !e.resumed.Load() || e.Existing.Running || e.r.Dry() {
		return nil
	}
	run, err := e.run(ctx)
	if err != nil {
		return err
	}
	crashed := document.IsTrue(e.Existing.Crashed)
	if e.StreamWins && e.Record.Crashed != nil {
		crashed = *e.Record.Crashed
	}
	return e.endRun(ctx, run, crashed)
}

func timeText(t *int64) string {
	if t == nil {
		return "none"
	}
	return fmt.Sprint(*t)
}

// untoldCrash is the reason where a crash cannot be found again.
const untoldCrash = "crashed in the stream, and the destination does not tell whether it has crashed"

// compareState compares whether the experiment has ended, and how.
func (e *opening) compareState(ctx context.Context) error {
	crashed := document.IsTrue(e.Record.Crashed)
	has := e.Existing.Crashed
	if crashed && has == nil && !e.Existing.Running {
		e.Issue(report.Issue{Class: report.Missing, Kind: "state", Reason: untoldCrash})
		return nil
	}
	if e.runsThere(e.Existing) || !e.Existing.Running && (e.Record.Crashed == nil || has == nil || *has == crashed) {
		return nil
	}
	if !e.StreamWins {
		e.Differs(report.Issue{Kind: "state", Reason: fmt.Sprintf("%s in the stream, %s at the destination",
			state(false, &crashed), state(e.Existing.Running, has))})
		return nil
	}
	err := e.Write(ctx, "state", func() error { return e.r.UpdateStatus(ctx, e.Key, crashed) })
	if err != nil {
		return fmt.Errorf("set state: %w", err)
	}
	return nil
}

// runsThere reports whether an experiment of the stream that runs does so at the
// destination too, as where that is the source.
func (e *opening) runsThere(there *comet.Experiment) bool {
	return e.Record.Running && there.Running
}

func state(running bool, crashed *bool) string {
	switch {
	case running:
		return "running"
	case crashed != nil && *crashed:
		return "crashed"
	}
	return "finished"
}
