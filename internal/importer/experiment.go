package importer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/assets"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/halving"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/points"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/importer/workspace"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// An opening is the way of an experiment from its key to the mark that it is
// finished: how it is found or made, marked before it is written to, and ended.
type opening struct {
	*session.Experiment
	r       *run
	doc     experimentDoc
	source  *place.Source
	project *workspace.Project

	seen    *comet.Experiment // what a reading before the handshake has shown
	resumed atomic.Bool       // servers may let it run again
	runs    flow.Lazy[*comet.Run]
}

// experiment is an experiment of the stream on its way to the destination. Its
// records are worked on by one goroutine, in their order; what they ask for is
// done side by side by others.
type experiment struct {
	*flow.Group
	*opening

	reads      readings
	system     systemItem
	text       *content.Spooled
	points     *points.Points
	assets     *assets.Assets
	hasName    bool // the others hold the name
	parameters parameterBatch
	refusals   halving.Refusals // of parameters
	verified   *expectation
}

// experimentDoc is what is used of an experiment's metadata.
type experimentDoc struct {
	FilePath document.Text `json:"filePath"`
}

// startExperiment begins the work on an experiment.
func (r *run) startExperiment(work context.Context, src *place.Source, p *workspace.Project, rec *stream.Experiment) *experiment {
	e := &experiment{Group: flow.NewGroup(r.Inbox), opening: &opening{
		Experiment: &session.Experiment{Destination: r.Destination, Record: rec, Turn: r.Turns.Join(), Tasks: flow.NewTasks(cap(r.Open))},
		r:          r, source: src, project: p,
	}}
	e.assets = assets.New(e.Experiment, assets.Options{
		Uploads: r.Uploads, Spools: r.Spools, Count: r.Counters.Assets, Target: p.Target, Run: e.run,
		Whole: src.Whole.Has(stream.ResourceAssets), NoRewrite: r.o.NoRewrite,
	})
	e.points = points.New(e.Experiment, r.points, r.Spools, r.Counters.Points)
	e.Out = report.Outcome{
		Kind: report.KindExperiment, SourceKey: rec.Key,
		Workspace: p.Target.Workspace, Project: p.Target.Name, Running: rec.Running,
		SourceURL: src.Page(rec),
	}
	if rec.Name != nil {
		e.Out.Name = *rec.Name
	}
	if r.Verify || r.Mode == VerifyOnly {
		e.Verifies, e.verified = true, newExpectation()
	}
	p.Experiments.Add(1)
	r.Working.Go(func() {
		defer p.Experiments.Done()
		defer e.Turn.Leave()
		defer func() { <-r.Open }()
		e.work(work)
	})
	return e
}

// work imports the experiment and reports what became of it.
func (e *experiment) work(ctx context.Context) {
	free, err := e.open(ctx)
	if err == nil {
		defer free()
	}
	if err != nil || e.Out.Result == report.ResultElsewhere {
		// Its records are dropped as they come.
		e.Failure.Set(err)
	} else {
		e.Failure.Set(e.begin(ctx))
	}
	err = e.Each(func(rec stream.Record) error {
		if e.Failure.Stops() || e.Out.Result == report.ResultElsewhere {
			return nil
		}
		return e.take(ctx, rec)
	})
	e.Failure.Set(err)
	if !e.Failure.Stops() && e.Whole && e.Out.Result != report.ResultElsewhere {
		e.Failure.Set(e.flush(ctx))
	}
	e.abandon()
	e.Tasks.Wait()
	e.RunPostponed()
	e.points.TellRefused()
	e.TellUntimed()
	e.assets.TellFolders()
	e.Reading.Wait()
	e.points.Free()
	if e.Out.Result != report.ResultElsewhere {
		if !e.Whole {
			e.Failure.Set(flow.ErrStreamEnds)
		}
		if e.Failure.Get() == nil {
			e.Failure.Set(e.finish(ctx))
		}
		if e.Failure.Get() == nil && e.verified != nil {
			e.Failure.Set(e.verify(ctx))
		} else if e.Failure.Get() != nil {
			e.putBack(ctx)
		}
	}
	e.report()
}

// report tells the run what became of the experiment.
func (e *experiment) report() {
	e.r.o.Counters.Experiments.Add(1)
	o := &e.Out
	err := e.Failure.Get()
	o.Key = e.Key
	switch {
	case err != nil:
		o.Result = report.ResultFailed
		err = fmt.Errorf("experiment %q: %w", e.Record.Key, err)
		if e.Existing == nil || e.Unfinished {
			e.r.Keys.SetUnfinished(e.Record.Key)
		}
	case o.Result == report.ResultElsewhere:
	case e.Existing == nil && e.r.Mode == VerifyOnly:
		o.Result = report.ResultFailed
	case e.Existing == nil:
		o.Result = report.ResultCreated
	case o.Written.Any():
		o.Result = report.ResultCompleted
	default:
		o.Result = report.ResultThere
	}
	if e.Key != "" && o.Result != report.ResultElsewhere {
		o.URL = e.r.Client.ExperimentURL(o.Workspace, o.Project, e.Key, e.Record.Archived)
	}
	if errors.Is(err, flow.ErrStreamEnds) {
		// The end of the input is told once, by the reading.
		o.Error = err.Error()
		err = nil
	}
	e.r.Finished(o, err)
}

// take works on one record.
func (e *experiment) take(ctx context.Context, rec stream.Record) error {
	if err := e.between(ctx, rec.Kind()); err != nil {
		return err
	}
	switch rec := rec.(type) {
	case *stream.Values:
		if rec.Of == stream.KindParameters {
			return e.takeParameters(ctx, rec)
		}
		return e.takeOthers(ctx, rec)
	case *stream.Document:
		if rec.Of == stream.KindGit {
			return e.takeGit(ctx, rec)
		}
		return e.system.take(rec)
	case *stream.Requirements:
		return e.system.takePackages(rec)
	case *stream.Text:
		return e.takeText(ctx, rec)
	case *stream.Metrics:
		return e.points.Take(ctx, rec)
	case *stream.Asset:
		return e.assets.Begin(ctx, rec)
	case *stream.Chunk:
		return e.assets.Chunk(rec)
	case *stream.AssetEnd:
		return e.assets.End(ctx, rec)
	case *stream.Skipped:
		e.takeSkipped(rec)
	}
	return nil
}

// between ends what goes over several records of other kinds than the next.
func (e *experiment) between(ctx context.Context, next stream.Kind) error {
	if next != stream.KindParameters {
		e.flushParameters(ctx)
	}
	if next != stream.KindSystem && next != stream.KindRequirements {
		e.flushSystem(ctx)
	}
	if next != stream.KindMetrics {
		return e.points.Flush(ctx)
	}
	return nil
}

// takeSkipped notes what the stream has not, and drops what came of it.
func (e *experiment) takeSkipped(rec *stream.Skipped) {
	e.r.o.Counters.Skipped.Add(1)
	e.text.Close()
	e.text = nil
	e.assets.Abandon()
	e.Issue(report.SkippedIssue(rec))
	if rec.Of == stream.KindAsset {
		e.assets.Skip(document.Deref(rec.ID))
	}
}

// flush ends what goes over several records, after the last one.
func (e *experiment) flush(ctx context.Context) error {
	e.flushName(ctx)
	return e.between(ctx, stream.KindExperimentEnd)
}

// abandon ends what is open when the records have ended too early: an upload
// may wait for more of them.
func (e *experiment) abandon() {
	e.text.Close()
	e.text = nil
	e.assets.Abandon()
	e.points.Abandon()
}

// expect notes what a verification has to find. It reports whether that is all
// there is to do.
func (e *experiment) expect(f func(*expectation)) bool {
	if e.verified != nil {
		e.verified.note(f)
	}
	return e.r.Mode == VerifyOnly
}
