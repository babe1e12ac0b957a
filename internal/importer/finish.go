package importer

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/report"
)

// finish sets what has to come last: state, times and the archived flag, once
// all else is confirmed. Later writes would move the end of the experiment.
//
// The times come after the state and before the archived flag. An experiment
// with the times of the stream is therefore one that was finished but for that
// flag, and an archived one needs no other mark. One that is written to later is
// marked by its start, see reopen.
func (e *ending) finish(ctx context.Context) error {
	switch {
	case e.Mode == VerifyOnly:
		return nil
	case e.Existing == nil || e.Unfinished:
		return e.finishNew(ctx)
	}
	return e.finishExisting(ctx)
}

func (e *ending) finishNew(ctx context.Context) error {
	if !e.Dry() {
		run, err := e.run(ctx)
		if err != nil {
			return err
		}
		if err := e.endRun(ctx, run, document.IsTrue(e.Record.Crashed)); err != nil {
			return err
		}
		if err := e.setFirstTimes(ctx, run); err != nil {
			return err
		}
	}
	if e.Unfinished {
		e.Wrote("times")
	}
	return e.putArchived(ctx)
}

func (e *ending) endRun(ctx context.Context, run *comet.Run, crashed bool) error {
	if err := e.ReportEnd(ctx, run); err != nil {
		return fmt.Errorf("end: %w", err)
	}
	return e.setCrashed(ctx, crashed)
}

func (e *ending) setCrashed(ctx context.Context, crashed bool) error {
	if !crashed {
		return nil
	}
	err := e.UpdateStatus(ctx, e.Key, true)
	if answer.Unsupported(err) {
		e.Issue(report.Issue{Class: report.Missing, Kind: "state", Reason: "the destination does not support the crashed state"})
		return nil
	}
	if err != nil {
		return fmt.Errorf("set state: %w", err)
	}
	return nil
}

func (e *ending) setFirstTimes(ctx context.Context, run *comet.Run) error {
	end := e.ended()
	switch {
	case end != nil:
		err := e.EnsureTimes(ctx, e.Key, e.Record.Start, end, func() error { return e.Client.Experiments.SetOfflineTimes(ctx, run, e.Record.Start, *end) })
		if answer.Refused(err) {
			// The REST API has another call for it.
			return e.SetTimes(ctx, e.Key, e.Record.Start, end)
		}
		return err
	case e.Record.Start != nil:
		return e.SetTimes(ctx, e.Key, e.Record.Start, nil)
	}
	return nil
}

// ended is the end that a new experiment gets. Nothing is known of a running
// experiment after the time at which the stream was written.
func (e *ending) ended() *int64 {
	if e.Record.End != nil || !e.Record.Running || e.source.Written <= 0 {
		return e.Record.End
	}
	end := e.source.Written
	if e.Record.Start != nil {
		end = max(end, *e.Record.Start)
	}
	return &end
}

func (e *ending) finishExisting(ctx context.Context) error {
	for _, step := range []func(context.Context) error{e.putState, e.endAgain, e.putTimes, e.putArchived} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// endAgain ends an experiment that was resumed to be written to.
func (e *ending) endAgain(ctx context.Context) error {
	if !e.resumed.Load() || e.Existing.Running || e.Dry() {
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
