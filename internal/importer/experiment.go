package importer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/halving"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/importer/workspace"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// experiment is an experiment of the stream on its way to the destination. Its
// records are worked on by one goroutine, in their order; what they ask for is
// done side by side by others.
type experiment struct {
	*flow.Group
	report.Ledger
	r       *run
	rec     *stream.Experiment
	doc     experimentDoc
	source  *place.Source
	project *workspace.Project
	turn    *flow.Turn
	refs    *rewrite.References

	// What open finds out.
	key     string
	derived bool              // key is not that of the source
	seen    *comet.Experiment // what a reading before the handshake has shown
	there   *comet.Experiment // nil if it is new
	// streamWins is true where the destination has nothing that could be
	// anyone's but ours: the experiment is new, an earlier import of it was not
	// finished, or the user said so.
	streamWins bool
	unfinished bool        // it exists, and an earlier import of it was not finished
	resumed    atomic.Bool // servers may let it run again
	runs       flow.Lazy[*comet.Run]
	reopening  reopening

	tasks      flow.Tasks
	postponed  []func() // to be run once the tasks are done
	failure    flow.Failure
	reads      readings
	system     systemItem
	text       *content.Spooled
	points     points
	assets     assets
	hasName    bool // the others hold the name
	untimed    untimed
	parameters parameterBatch
	refusals   struct{ points, parameters halving.Refusals }
	verified   *expectation
}

// experimentDoc is what is used of an experiment's metadata.
type experimentDoc struct {
	FilePath document.Text `json:"filePath"`
}

// startExperiment begins the work on an experiment.
func (r *run) startExperiment(work context.Context, src *place.Source, p *workspace.Project, rec *stream.Experiment) *experiment {
	e := &experiment{
		Group: flow.NewGroup(r.Inbox), r: r, rec: rec, source: src, project: p, turn: r.Turns.Join(),
		tasks: flow.NewTasks(cap(r.Open)),
	}
	e.Out = report.Outcome{
		Kind: report.KindExperiment, SourceKey: rec.Key,
		Workspace: p.Target.Workspace, Project: p.Target.Name, Running: rec.Running,
		SourceURL: src.Page(rec),
	}
	if rec.Name != nil {
		e.Out.Name = *rec.Name
	}
	if r.Verify || r.Mode == VerifyOnly {
		e.verified = newExpectation()
	}
	p.Experiments.Add(1)
	r.Working.Go(func() {
		defer p.Experiments.Done()
		defer e.turn.Leave()
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
		e.failure.Set(err)
	} else {
		e.failure.Set(e.begin(ctx))
	}
	err = e.Each(func(rec stream.Record) error {
		if e.failure.Stops() || e.Out.Result == report.ResultElsewhere {
			return nil
		}
		return e.take(ctx, rec)
	})
	e.failure.Set(err)
	if !e.failure.Stops() && e.Whole && e.Out.Result != report.ResultElsewhere {
		e.failure.Set(e.flush(ctx))
	}
	e.abandon()
	e.tasks.Wait()
	e.runPostponed()
	e.tellRefused()
	e.tellUntimed()
	e.tellFolders()
	e.reads.under.Wait()
	e.points.share.free()
	if e.Out.Result != report.ResultElsewhere {
		if !e.Whole {
			e.failure.Set(flow.ErrStreamEnds)
		}
		if e.failure.Get() == nil {
			e.failure.Set(e.finish(ctx))
		}
		if e.failure.Get() == nil && e.verified != nil {
			e.failure.Set(e.verify(ctx))
		} else if e.failure.Get() != nil {
			e.putBack(ctx)
		}
	}
	e.report()
}

// report tells the run what became of the experiment.
func (e *experiment) report() {
	e.r.o.Counters.Experiments.Add(1)
	o := &e.Out
	err := e.failure.Get()
	o.Key = e.key
	switch {
	case err != nil:
		o.Result = report.ResultFailed
		err = fmt.Errorf("experiment %q: %w", e.rec.Key, err)
		if e.there == nil || e.unfinished {
			e.r.Keys.SetUnfinished(e.rec.Key)
		}
	case o.Result == report.ResultElsewhere:
	case e.there == nil && e.r.Mode == VerifyOnly:
		o.Result = report.ResultFailed
	case e.there == nil:
		o.Result = report.ResultCreated
	case o.Written.Any():
		o.Result = report.ResultCompleted
	default:
		o.Result = report.ResultThere
	}
	if e.key != "" && o.Result != report.ResultElsewhere {
		o.URL = e.r.Client.ExperimentURL(o.Workspace, o.Project, e.key, e.rec.Archived)
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
		return e.takePoints(ctx, rec)
	case *stream.Asset:
		return e.takeAsset(ctx, rec)
	case *stream.Chunk:
		return e.takeChunk(rec)
	case *stream.AssetEnd:
		return e.takeAssetEnd(ctx, rec)
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
		return e.flushPoints(ctx)
	}
	return nil
}

// takeSkipped notes what the stream has not, and drops what came of it.
func (e *experiment) takeSkipped(rec *stream.Skipped) {
	e.r.o.Counters.Skipped.Add(1)
	e.text.Close()
	e.text = nil
	e.assets.drop()
	e.Issue(report.SkippedIssue(rec))
	if rec.Of == stream.KindAsset {
		e.expect(func(x *expectation) { x.skip(document.Deref(rec.ID)) })
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
	e.assets.drop()
	e.points.part.close()
}

// spawn runs f beside the others, when few enough of them are under way.
func (e *experiment) spawn(f func()) { e.tasks.Run(f) }

// postpone leaves f until nothing else of the experiment is under way.
func (e *experiment) postpone(f func()) {
	e.Change(func(*report.Outcome) { e.postponed = append(e.postponed, f) })
}

func (e *experiment) runPostponed() {
	for _, f := range e.postponed {
		f()
	}
	e.postponed = nil
}

// write makes a write of a single item, unless nothing may be written.
func (e *experiment) write(ctx context.Context, what string, f func() error) error {
	if err := e.reopen(ctx); err != nil {
		return err
	}
	return e.writeLast(what, f)
}

// writeLast is write for what comes when all else is done.
func (e *experiment) writeLast(what string, f func() error) error {
	if !e.r.Dry() {
		if err := f(); err != nil {
			return err
		}
	}
	e.Wrote(what)
	return nil
}

// expect notes what a verification has to find. It reports whether that is all
// there is to do.
func (e *experiment) expect(f func(*expectation)) bool {
	if e.verified != nil {
		e.verified.note(f)
	}
	return e.r.Mode == VerifyOnly
}

// differs tells of a value that the destination has in another way.
func (e *experiment) differs(i report.Issue) {
	i.Class = report.Differs
	e.Issue(i)
}

// item takes the result of the work on one item: nil, an error that concerns
// this item alone, or one that leaves the experiment unfinished.
func (e *experiment) item(i report.Issue, err error) {
	if err == nil || errors.Is(err, upload.ErrDropped) {
		return // what the stream has not is told where it breaks off
	}
	if !answer.Refused(err) {
		// The other items may come through.
		e.failure.Note(i.Wrap(err), !errors.Is(err, comet.ErrServer))
		e.r.ConcernsAll(err)
		return
	}
	i.Class, i.Reason = report.Missing, err.Error()
	e.Issue(i)
}
