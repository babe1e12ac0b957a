package importer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/assets"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/points"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/importer/texts"
	"github.com/comet-stream/comet-stream/internal/importer/values"
	"github.com/comet-stream/comet-stream/internal/importer/workspace"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// An opening is the way of an experiment from its key to its first record: how it is
// found or made, and marked before it is written to.
type opening struct {
	*session.Experiment
	r       *run
	doc     experimentDoc
	source  *place.Source
	project *workspace.Project

	compare func(*comet.Experiment) []reconcile.Difference // the stream with what metadata show

	seen    *comet.Experiment // what a reading before the handshake has shown
	resumed atomic.Bool       // servers may let it run again
	runs    flow.Lazy[*comet.Run]
}

// An ending is the way of an experiment from its last record to the mark that it is
// finished, and what its metadata show then.
type ending struct {
	*opening
	name string // that is not among the others
}

// experiment is an experiment of the stream on its way to the destination. Its
// records are worked on by one goroutine, in their order; what they ask for is
// done concurrently by others.
type experiment struct {
	*flow.Group
	*ending

	parameters *values.Parameters
	others     *values.Others
	texts      *texts.Texts
	points     *points.Points
	assets     *assets.Assets

	parts     map[stream.Kind]*part
	current   *part // that has taken the last record
	readAhead readAhead
}

type experimentDoc struct {
	FilePath document.Text `json:"filePath"`
}

func (r *run) startExperiment(workCtx context.Context, src *place.Source, p *workspace.Project, rec *stream.Experiment) *experiment {
	e := &experiment{Group: flow.NewGroup(r.Records), ending: &ending{opening: &opening{
		Experiment: &session.Experiment{Destination: r.Destination, Record: rec, Turn: r.Turns.Join(), Budget: r.budget, Tasks: r.Tasks()},
		r:          r, source: src, project: p,
	}}}
	e.Out = report.Outcome{
		Kind: report.KindExperiment, SourceKey: rec.Key,
		Workspace: p.Target.Workspace, Project: p.Target.Name, Running: rec.Running,
		SourceURL: src.Page(rec),
	}
	if rec.Name != nil {
		e.Out.Name = *rec.Name
	}
	e.Expecting = r.Verify || r.Mode == VerifyOnly
	e.compare = e.compareMetadata
	e.setParts()
	p.Experiments.Add(1)
	copyBefore, done := r.copies.Queue(rec.Key)
	r.Working.Go(func() {
		defer p.Experiments.Done()
		defer done()
		defer e.Turn.Leave()
		defer func() { <-r.Open }()
		e.work(workCtx, copyBefore)
	})
	return e
}

// work imports the experiment and reports what became of it, when the copy of it that
// came before is done.
func (e *experiment) work(ctx context.Context, copyBefore func(context.Context) error) {
	err := copyBefore(ctx)
	if err == nil {
		var free func()
		if free, err = e.open(ctx); err == nil {
			defer free()
		}
	}
	elsewhere := e.Out.Result == report.ResultElsewhere
	if err == nil && !elsewhere {
		err = e.begin(ctx)
	}
	e.Failure.Set(err)
	e.Failure.Set(e.Each(func(rec stream.Record) error {
		if e.Failure.Stops() || elsewhere {
			return nil // dropped as they come
		}
		return e.take(ctx, rec)
	}))
	if !e.Failure.Stops() && e.Complete && !elsewhere {
		e.Failure.Set(e.leave(ctx))
		e.putName(ctx)
	}
	e.wait()
	if !elsewhere {
		e.end(ctx)
	}
	e.report()
}

// wait waits for all that is under way, and lets go of what is held.
func (e *experiment) wait() {
	// What is open has ended too early: an upload may wait for more of it.
	e.texts.Drop()
	e.assets.Abandon()
	e.points.Abandon()
	e.Tasks.Wait()
	e.RunPostponed()
	e.points.ReportRefused()
	e.ReportUntimed()
	e.assets.ReportFolders()
	e.Reading.Wait()
	e.points.Free()
	e.assets.Free()
	e.parameters.Free()
	e.others.Free()
}

// end marks the experiment as finished and reads it back, or leaves it as it was found.
func (e *experiment) end(ctx context.Context) {
	if !e.Complete {
		e.Failure.Set(flow.ErrStreamEnds)
	}
	if e.Failure.Get() == nil {
		e.Failure.Set(e.finish(ctx))
	}
	if e.Failure.Get() != nil {
		e.putBack(ctx)
	} else if e.Expecting {
		e.Failure.Set(e.verify(ctx))
	}
}

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
	case e.Existing == nil && e.Mode == VerifyOnly:
		o.Result = report.ResultFailed
	case e.Existing == nil:
		o.Result = report.ResultCreated
	case o.Written.Any():
		o.Result = report.ResultCompleted
	default:
		o.Result = report.ResultAlreadyThere
	}
	if e.Key != "" && o.Result != report.ResultElsewhere {
		o.URL = e.Client.ExperimentURL(o.Workspace, o.Project, e.Key, e.Record.Archived)
	}
	if errors.Is(err, flow.ErrStreamEnds) {
		// The end of the input is reported once, by the reading.
		o.Error = err.Error()
		err = nil
	}
	e.Finished(o, err)
}

// begin starts with what the experiment record itself holds.
func (e *experiment) begin(ctx context.Context) error {
	refs := &rewrite.References{Key: e.r.Keys.KeyOf}
	e.source.SetAddress(refs, e.Client.Root())
	e.assets.Start(refs)
	if e.Existing != nil && e.Mode != VerifyOnly {
		e.prefetch(ctx)
	}
	e.Expect(e.checkMetadata)
	if e.Derived {
		if err := e.others.PutOrigin(ctx); err != nil {
			return err
		}
	}
	if e.Record.Doc == nil {
		return nil
	}
	if tags := e.Record.Tags; len(tags) > 0 && !e.Listed.HasTags(ctx, tags) {
		session.Put(ctx, e.Experiment, e.tagsItem(tags))
	}
	if e.doc.FilePath.OK && e.Mode != VerifyOnly {
		e.Tasks.Run(func() { e.Item(report.Issue{Kind: "file path"}, e.putPath(ctx)) })
	}
	return nil
}

// tagsItem are the tags, which are added to those that the destination has.
func (e *experiment) tagsItem(want []string) *reconcile.Item[[]string] {
	return &reconcile.Item[[]string]{
		Issue: report.Issue{Kind: "tags"},
		Read:  func(ctx context.Context) ([]string, error) { return e.Client.Experiments.Tags(ctx, e.Key) },
		Compare: func(have []string) (lacking []reconcile.Difference) {
			for _, t := range document.Without(want, have) {
				lacking = append(lacking, reconcile.Differs(report.Issue{Kind: "tags", Name: t}, true, "missing at the destination")...)
			}
			return lacking
		},
		Write: func(ctx context.Context, f reconcile.Found[[]string]) error {
			return e.Client.Experiments.AddTags(ctx, e.Key, document.Without(want, f.Have))
		},
		Count: func(f reconcile.Found[[]string]) {
			e.Change(func(o *report.Outcome) { o.Written.Tags += int64(len(f.Values)) })
		},
	}
}

func (e *experiment) take(ctx context.Context, rec stream.Record) error {
	p := e.parts[rec.Kind()]
	if p == nil || p != e.current {
		if err := e.leave(ctx); err != nil {
			return err
		}
		e.current = p
	}
	switch {
	case p != nil:
		return p.take(ctx, rec)
	case rec.Kind() == stream.KindSkipped:
		e.takeSkipped(rec.(*stream.Skipped))
	}
	return nil
}

// leave ends what goes over several records of a part.
func (e *experiment) leave(ctx context.Context) error {
	p := e.current
	e.current = nil
	if p == nil || p.flush == nil {
		return nil
	}
	return p.flush(ctx)
}

// takeSkipped notes what the stream lacks, and drops what came of it.
func (e *experiment) takeSkipped(rec *stream.Skipped) {
	e.r.o.Counters.Skipped.Add(1)
	e.texts.Drop()
	e.assets.Abandon()
	e.Issue(report.SkippedIssue(rec))
	if rec.Of == stream.KindAsset {
		e.assets.Skip(document.Deref(rec.ID))
	}
}

// putName writes the name of an experiment whose others are not in the stream.
func (e *experiment) putName(ctx context.Context) {
	if e.name = document.Deref(e.Record.Name); e.others.HasName {
		e.name = ""
	}
	if e.name != "" && e.Mode != VerifyOnly {
		e.others.PutName(ctx, e.nameItem(), e.name)
	}
}

// verify reads the experiment back and tells where it is not what the stream
// says.
func (e *experiment) verify(ctx context.Context) error {
	switch {
	case e.Existing == nil && e.Mode == VerifyOnly:
		e.Issue(report.Issue{Class: report.Unverified, Kind: report.KindExperiment, Reason: "missing at the destination"})
		return nil
	case e.Mode == DryRun:
		return nil
	}
	e.Expect(e.points.ReadBack)
	e.Expect(e.assets.ReadBack)
	return e.ReadBack(ctx)
}
