// Package exporter reads experiments from a Comet instance and writes them to a
// stream: what to fetch, in which order, and how much at once.
//
//	x := exporter.New(exporter.Options{Client: client, Paths: paths})
//	summary, err := x.Export(ctx, ctx, stream.NewWriter(w, stream.WriterOptions{}))
//
// Requests are made ahead of the one goroutine that writes, within a budget of
// memory, and what they bring is written in the order of the stream. The same
// state of the source gives the same records, however many requests are under
// way at a time.
//
// Only calls that leave the source as it is are made.
package exporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comet-stream/comet-stream/internal/base"
	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// Options says what to export, and how.
type Options struct {
	Client *comet.Client
	Paths  []find.Path
	// Resources are what is exported of it, all if zero.
	Resources stream.Resources
	// Selection narrows that down. What it leaves out is counted, and is not
	// skipped: it was not asked for.
	Selection selection.Selection

	// WithExperiments adds the experiments that artifact and model versions in
	// scope were made by.
	WithExperiments bool

	// Listed are the experiments of Selection.Keys where the list of these places them,
	// if it does so for all. Where nothing else is asked of a listing, an export then
	// does without.
	Listed find.Listed

	// Base, if not nil, is what earlier archives hold: an experiment that its
	// listing says has not changed since is left out, as are whole versions of
	// artifacts.
	Base *base.Base
	// Recheck is how many of a hundred of these experiments are exported all the
	// same, in turn: see [base.Base.Due].
	Recheck float64

	// InFlight is how many requests are under way at a time, 16 if zero.
	InFlight int
	// OneRequest forbids to fetch a large asset in parts, by several requests at
	// a time.
	OneRequest bool
	// Tool is the name and version of the writer, for the header.
	Tool string
	// Counters, if not nil, are added to while the export runs: what is planned, points
	// and assets.
	Counters *progress.Counters
	// Observer is told how it goes, if not nil.
	Observer Observer
	// Continue, if not nil, is the state of a partial stream that the writer
	// goes on with.
	Continue *Partial
}

func (o Options) withDefaults() Options {
	if o.InFlight <= 0 {
		o.InFlight = 16
	}
	if o.Resources == 0 {
		o.Resources = stream.AllResources
	}
	if o.Counters == nil {
		o.Counters = new(progress.Counters)
	}
	if o.Observer == nil {
		o.Observer = silent{}
	}
	if o.Continue == nil {
		o.Continue = &Partial{Partial: &stream.Partial{}}
	}
	return o
}

func (o *Options) finder() *find.Finder {
	return find.New(find.Options{
		Client: o.Client, Resources: o.Resources, Selection: o.Selection, WithExperiments: o.WithExperiments, Base: o.Base,
		Recheck: o.Recheck, Listed: o.Listed, InFlight: o.InFlight, Warn: o.Observer.Warn,
	})
}

// withExperiments reports whether experiments are to be exported at all: not
// when nothing but what belongs to projects or workspaces was named.
func (o *Options) withExperiments() bool {
	return o.Resources.HasAny(stream.ExperimentResources | stream.ResourceLinks)
}

// An Exporter carries out one export.
type Exporter struct {
	o      Options
	client *comet.Client
	sum    Summary
	find   *find.Finder
	scope  *find.Scope
	links  []*stream.Link
	seen   map[string]struct{} // keys whose groups are in the stream
	// missing are the keys of experiments that the stream says it lacks, visitors
	// those of which it is not known yet whether they are links.
	missing  map[string]struct{}
	visitors []*visitor
	sizes    metricSizes
	bodies   *prefetch.Bodies
	// keptKeys are the keys of the groups that the partial stream has, and where
	// they are.
	keptKeys map[string]stream.ProjectName
	keptIDs  map[stream.Kind]map[string]bool // of other groups that it has

	exported map[stream.ProjectName][]string // keys of experiments in the stream, by the project that they are in
	pages    *pageWriter

	notUnicode notUnicode

	wanted []wanted
}

// New returns an Exporter. It does not speak to the server yet.
func New(o Options) *Exporter {
	o = o.withDefaults()
	x := &Exporter{
		o: o, client: o.Client, find: o.finder(),
		seen: make(map[string]struct{}), missing: make(map[string]struct{}), keptKeys: make(map[string]stream.ProjectName), keptIDs: make(map[stream.Kind]map[string]bool),
		exported: make(map[stream.ProjectName][]string),
	}
	x.pages = &pageWriter{x: x, viewsDone: make(map[string]bool), panelsDone: make(map[string]bool)}
	x.bodies = prefetch.NewBodies(o.Client, o.OneRequest)
	x.sum.Items = o.Continue.Totals.Skipped
	for _, g := range o.Continue.Groups {
		if g.Kind != stream.KindExperiment {
			if x.keptIDs[g.Kind] == nil {
				x.keptIDs[g.Kind] = make(map[string]bool)
			}
			x.keptIDs[g.Kind][g.ID] = true
			continue
		}
		x.seen[g.ID] = struct{}{}
		in := stream.ProjectName{Workspace: g.Workspace, Name: g.Project}
		x.keptKeys[g.ID] = in
		x.exported[in] = append(x.exported[in], g.ID)
	}
	return x
}

// silent observes nothing.
type silent struct{}

func (silent) Skipped(string, *stream.Skipped) {}
func (silent) Warn(string)                     {}
func (silent) Experiment(*Result)              {}

// Export writes the stream and closes or aborts it. It does nothing more once
// ctx is done, but for what is under way: that may go on until graceCtx is.
//
// An error of finding what the paths lead to comes before anything is written.
// A nil error means that the stream is complete; what is missing from it is in
// the summary, which holds the numbers up to an error too.
func (x *Exporter) Export(ctx, graceCtx context.Context, w *stream.Writer) (*Summary, error) {
	err := x.export(ctx, graceCtx, w)
	if err == nil {
		if err = w.Close(); err != nil {
			err = &judge.WriteError{Err: err}
		}
		return &x.sum, err
	}
	// The error of Abort is that of the output, which err reports already, or
	// follows from it.
	return &x.sum, errors.Join(err, x.abort(w, err))
}

// abort ends the stream as failed.
func (x *Exporter) abort(w *stream.Writer, cause error) error {
	failed := w.Abort(judge.AbortClass(cause), cause.Error())
	if _, ok := errors.AsType[*judge.WriteError](cause); ok {
		return nil
	}
	if failed != nil {
		return &judge.WriteError{Err: failed}
	}
	return nil
}

func (x *Exporter) export(ctx, graceCtx context.Context, w *stream.Writer) error {
	ctx, graceCtx = comet.WithNotUnicode(ctx, x.notUnicode.note), comet.WithNotUnicode(graceCtx, x.notUnicode.note)
	scope, err := x.find.ResolveAll(ctx, x.o.Paths)
	if err != nil {
		return err
	}
	x.scope = scope
	out := &output{w: w, obs: x.o.Observer, counters: x.o.Counters, sum: &x.sum}
	if err := x.begin(ctx, scope, out); err != nil {
		return err
	}
	if err := x.run(ctx, graceCtx, x.newProjectRoute(scope), out); err != nil {
		return err
	}
	if err := x.settleVisitors(graceCtx, out); err != nil {
		return err
	}
	if x.o.Base == nil {
		x.sum.Nothing = cmp.Or(x.sum.Nothing, x.find.Search.NoAsset())
	}
	return x.workspaces(ctx, graceCtx, scope, out)
}

// begin lists what is in scope, and writes header and plan. The header goes
// out first: whoever reads the stream can see that it has begun.
func (x *Exporter) begin(ctx context.Context, scope *find.Scope, out *output) error {
	fresh := x.o.Continue.Header == nil
	if fresh {
		if err := out.write(x.header(ctx)); err != nil {
			return err
		}
	}
	if err := x.find.ListAll(ctx, scope.Projects); err != nil {
		return err
	}
	x.sum.LeftOut = x.find.Prune(scope)
	x.reportGone(scope)
	plan := &stream.Plan{Workspaces: x.planWorkspaces(scope)}
	for _, p := range scope.Projects {
		line := stream.PlannedProject{Project: p.Name, Workspace: p.Workspace}
		if p.Err == nil {
			count := p.Count
			line.Experiments = &count
		}
		plan.Projects = append(plan.Projects, line)
		x.sum.Listed += p.Count
		x.sum.LeftOut += p.NotSelected
		x.sum.Unchanged += p.Unchanged
		x.sum.Rechecked += p.Rechecked
	}
	x.o.Counters.Planned.Store(x.sum.Listed)
	x.reportMissing()
	if !fresh {
		return nil
	}
	return out.write(plan)
}

// reportMissing tells at once of keys that no listing has.
func (x *Exporter) reportMissing() {
	x.sum.Nothing = x.find.Search.Nothing()
	missing := x.find.Search.Missing()
	if len(missing) == 0 {
		return
	}
	x.o.Observer.Warn((&find.KeysError{Keys: missing}).Error())
	for _, key := range missing {
		x.finish(&Result{Key: key, Result: ResultNotFound})
	}
}

func (x *Exporter) header(ctx context.Context) *stream.Header {
	h := &stream.Header{
		Created: time.Now().UnixMilli(), Scope: x.headerScope(), Source: stream.Source{URL: sourceURL(x.client)}, Tool: x.o.Tool,
	}
	if v, ok := x.client.Version(ctx); ok {
		text := v.String()
		h.Source.Version = &text
	}
	return h
}

// home returns the project where an experiment belongs, if that has it in scope.
func (x *Exporter) home(m *metadata) *find.Project {
	for _, p := range x.scope.Projects {
		if find.SameProject(&m.Experiment, &p.Project) {
			if _, named := p.Only[m.Key]; p.All || named {
				return p
			}
			return nil
		}
	}
	return nil
}

// headerScope is the scope as the header has it.
func (x *Exporter) headerScope() stream.Scope {
	s := stream.Scope{Resources: x.o.Resources.Names(), Selection: x.o.Selection.Flags()}
	if x.o.Base != nil {
		s.Selection = append(s.Selection, "--changed-from "+x.o.Base.ID())
	}
	if x.o.Recheck > 0 {
		s.Selection = append(s.Selection, fmt.Sprintf("--recheck %g%%", x.o.Recheck))
	}
	if x.o.WithExperiments {
		s.Selection = append(s.Selection, "--with-experiments")
	}
	for _, p := range x.o.Paths {
		s.Paths = append(s.Paths, judge.Valid(p.String()))
	}
	return s
}
