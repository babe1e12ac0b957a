package importer

import (
	"context"
	"errors"
	"io"

	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/importer/workspace"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// readRecord is what the goroutine that reads the stream hands on.
type readRecord struct {
	raw stream.Raw
	err error
}

// readStream reads a stream until it ends or quit is closed. It is not waited for,
// since it may hang in a Read that nothing ends.
func readStream(in io.Reader, o stream.ReaderOptions, out chan<- readRecord, quit <-chan struct{}) {
	r := stream.NewReader(in, o)
	defer r.Close()
	for {
		raw, err := r.NextRaw()
		select {
		case out <- readRecord{raw.Clone(), err}:
		case <-quit:
			return
		}
		if err != nil {
			return
		}
	}
}

// read takes the records of the input in their order and gives each to where
// it belongs. It returns why it ended, nil at the end of the input.
func (r *run) read(ctx, workCtx context.Context, in io.Reader) error {
	records, quit := make(chan readRecord), make(chan struct{})
	defer close(quit)
	// The importer checks the SHA-256 of assets itself.
	go readStream(in, stream.ReaderOptions{SkipSHA256: r.Mode == Write}, records, quit)
	d := &dispatcher{r: r}
	defer d.leave()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-workCtx.Done():
			return context.Cause(workCtx)
		case f := <-records:
			switch {
			case f.err == io.EOF:
				return nil
			case f.err != nil:
				return &InputError{Err: f.err}
			}
			if err := d.take(ctx, workCtx, f.raw); err != nil {
				return err
			}
		}
	}
}

// dispatcher knows where in the stream the reading is.
type dispatcher struct {
	r       *run
	source  *place.Source
	project *workspace.Project
	current announced        // the group that is open
	notes   *spool.Spool     // notes that go on
	late    *workspace.Level // what comes after the projects
}

// announced is a group that hears of its records before it works on them.
type announced interface {
	// Announce is called in the order of the stream, ahead of the work.
	Announce(stream.Kind)
	Send(context.Context, stream.Raw) error
	End(whole bool)
}

func (d *dispatcher) take(ctx, workCtx context.Context, raw stream.Raw) error {
	if d.current != nil {
		return d.inside(ctx, raw)
	}
	rec, err := raw.Decode()
	if err != nil {
		return &InputError{Err: err}
	}
	switch rec := rec.(type) {
	case *stream.Header:
		d.source = place.NewSource(rec, d.r.Client.Root())
		d.project = nil
	case *stream.Plan:
		return d.plan(ctx, rec)
	case *stream.Project:
		return d.openProject(ctx, workCtx, rec)
	case *stream.Experiment:
		return d.openExperiment(ctx, workCtx, rec)
	case *stream.Notes:
		return d.takeNotes(ctx, rec)
	case *stream.Skipped:
		d.skipped(rec)
	case *stream.Unknown:
		d.unknown(rec.Of)
	case *stream.Trailer:
		return d.trailer(ctx, workCtx)
	default:
		return d.workspaceLevel(ctx, workCtx, rec)
	}
	return nil
}

func (d *dispatcher) inside(ctx context.Context, raw stream.Raw) error {
	switch raw.Kind {
	case stream.KindExperimentEnd, stream.KindArtifactEnd, stream.KindModelEnd:
		d.current.End(true)
		d.current = nil
		return nil
	}
	if !raw.Kind.Known() {
		d.unknown(raw.Kind)
		return nil
	}
	if raw.Kind == stream.KindSkipped {
		var err error
		if raw, err = flow.Brief(raw); err != nil {
			return &InputError{Err: err}
		}
	}
	d.current.Announce(raw.Kind)
	return d.current.Send(ctx, raw)
}

func (d *dispatcher) leave() {
	if d.current != nil {
		d.current.End(false)
	}
	d.dropTexts()
}

// dropTexts forgets the texts outside groups that go on.
func (d *dispatcher) dropTexts() {
	d.notes.Close()
	d.notes = nil
	if d.late != nil {
		d.late.Panels.Drop()
	}
}

// plan checks that what is to come has a place at the destination, before
// anything is written.
func (d *dispatcher) plan(ctx context.Context, plan *stream.Plan) error {
	if err := d.r.To.Plan(plan); err != nil {
		return err
	}
	for _, p := range plan.Projects {
		if p.Experiments != nil {
			d.r.o.Counters.Planned.Add(*p.Experiments)
		}
	}
	return d.r.Places.HaveWorkspaces(ctx, d.r.To.Workspaces(plan), d.r.o.CreateWorkspace)
}

func (d *dispatcher) openProject(ctx, workCtx context.Context, rec *stream.Project) error {
	d.closeProject(workCtx)
	// A plan made by other hands may not name all projects.
	if err := d.r.To.Add(place.Project{Workspace: rec.Workspace, Name: rec.Name}); err != nil {
		return err
	}
	d.r.Count(func(s *report.Summary) { s.Projects++ })
	to := d.r.To.Target(place.Project{Workspace: rec.Workspace, Name: rec.Name})
	d.project = d.r.OpenProject(workCtx, d.source, rec, d.r.projects[to])
	d.r.projects[to] = d.project
	return ctx.Err()
}

func (d *dispatcher) openExperiment(ctx, workCtx context.Context, rec *stream.Experiment) error {
	return d.openGroup(ctx, func() announced { return d.r.startExperiment(workCtx, d.source, d.project, rec) })
}

// skipped reports something outside experiments that the source has and the
// stream has not.
func (d *dispatcher) skipped(s *stream.Skipped) {
	d.dropTexts()
	d.r.o.Counters.Skipped.Add(1)
	o := &report.Ledger{Out: report.Outcome{Kind: string(s.Of), Workspace: s.Workspace, Project: s.Project}}
	if s.Experiment != nil {
		o.Out.SourceKey = *s.Experiment
	}
	if s.Of == stream.KindExperiment {
		// It was not read, so it is none of the experiments of the balance.
		o.Out.Kind = "skipped"
	}
	o.Issue(report.SkippedIssue(s))
	d.r.Finished(&o.Out, nil)
}

func (d *dispatcher) unknown(kind stream.Kind) {
	d.r.Count(func(s *report.Summary) {
		if s.Unknown == nil {
			s.Unknown = make(map[string]int64)
		}
		s.Unknown[string(kind)]++
	})
}

// trailer ends what belongs to one stream; another one may follow.
func (d *dispatcher) trailer(ctx, workCtx context.Context) error {
	d.closeProject(workCtx)
	late := d.late
	d.late = nil
	if late == nil {
		return nil
	}
	if err := flow.WaitFor(ctx, &late.Groups); err != nil {
		return err
	}
	late.Finish(workCtx)
	d.r.late = nil
	return nil
}

// workspaceLevel takes a record that comes after the projects. All experiments
// are done then.
func (d *dispatcher) workspaceLevel(ctx, workCtx context.Context, rec stream.Record) error {
	if d.late == nil {
		d.closeProject(workCtx)
		if err := flow.WaitFor(ctx, &d.r.Working); err != nil {
			return err
		}
		d.late = workspace.New(d.r.Services, d.source)
		d.r.late = d.late
	}
	w := d.late
	switch rec := rec.(type) {
	case *stream.Artifact:
		return d.openGroup(ctx, func() announced { return w.StartArtifact(workCtx, rec) })
	case *stream.Model:
		return d.openGroup(ctx, func() announced { return w.StartModel(workCtx, rec) })
	}
	return w.Take(ctx, workCtx, rec)
}

func (d *dispatcher) openGroup(ctx context.Context, start func() announced) error {
	select {
	case d.r.Open <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	d.current = start()
	return nil
}

// takeNotes takes a piece of the notes of the project that is open.
func (d *dispatcher) takeNotes(ctx context.Context, rec *stream.Notes) error {
	whole, err := content.Part(ctx, d.r.Spools, &d.notes, rec.Data, rec.More)
	switch {
	case errors.Is(err, spool.ErrOverBudget):
		d.project.Issue(report.Issue{Class: report.Missing, Kind: string(stream.KindNotes), Reason: err.Error()})
		return nil
	case err != nil:
		return err
	}
	if whole != nil {
		d.project.SetNotes(whole)
	}
	return nil
}

func (d *dispatcher) closeProject(workCtx context.Context) {
	if d.project != nil {
		d.project.Close(workCtx)
	}
	d.project = nil
}
