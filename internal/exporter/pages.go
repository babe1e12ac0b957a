package exporter

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// The pages of a project are its views, those of its experiments, and the custom
// panels that these show. They go with the project, also where the other panels
// of its workspace do not.

// A pageWriter writes the pages of projects.
type pageWriter struct {
	x *Exporter
	// viewsDone and panelsDone are the ids of views and panels that are in the
	// stream, or skipped. listsCharts says that the server lists the views of
	// experiments with those of their project.
	viewsDone, panelsDone map[string]bool
	listsCharts           bool
}

// skipPanels tells that the panels of a workspace are not known: where all of them
// are in scope once, else for each project whose views show some.
func (pages *pageWriter) skipPanels(out *output, workspace, project string, err error) error {
	const of = "panels of "
	at := of + workspace + "/" + project
	if pages.x.find.Reported[of+workspace+"/"] || pages.x.find.Reported[at] {
		return nil
	}
	pages.x.find.Reported[at] = true
	return out.skip(judge.Item{Kind: stream.KindPanel, Workspace: workspace, Project: project}, err)
}

// panelUnits adds the custom panels of a workspace.
func (pages *pageWriter) panelUnits(ctx context.Context, w *find.Workspace, r *fixedRoute, out *output) error {
	err := find.EachPicked(ctx, w, &w.Panels, pages.x.find.Panels, find.PanelName, func(p *comet.Panel, _ []string) error {
		r.add(&panelUnit{x: pages.x, workspace: w.Name, p: p})
		return nil
	})
	if err != nil {
		return pages.skipPanels(out, w.Name, "", err)
	}
	return nil
}

// panelUnit carries a custom panel.
type panelUnit struct {
	x         *Exporter
	workspace string
	project   string // whose view shows it, "" where all panels are in scope
	p         *comet.Panel
	file      *prefetch.Text
}

func (u *panelUnit) begin(q *prefetch.Queue, n int) {
	u.file = prefetch.NewText(q, prefetch.Position{Unit: n}, func(ctx context.Context) (*comet.Text, error) {
		return u.x.client.Panels.File(ctx, u.p.ID)
	})
	q.Push(u.file.Slot)
}

func (u *panelUnit) end() { u.file.Leave() }

func (u *panelUnit) write(ctx context.Context, out *output) error {
	u.x.pages.panelsDone[u.p.ID] = true
	doc, err := document(u.p.Raw)
	if err == nil {
		err = u.file.Each(ctx, func(data []byte, more bool) error {
			return out.write(&stream.Panel{
				Workspace: judge.Valid(u.workspace), Project: judge.Valid(u.project), ID: judge.Valid(u.p.ID), Name: judge.Valid(u.p.Name), Doc: doc,
				Data: data, More: more,
			})
		})
	}
	return out.skip(judge.Item{Kind: stream.KindPanel, Workspace: u.workspace, Project: u.project, ID: u.p.ID, Name: u.p.Name}, err)
}

// viewUnits adds the views of the projects in scope, as far as the listings of
// whole projects have them.
func (pages *pageWriter) viewUnits(scopes []find.Workspace, r *fixedRoute) {
	for i := range scopes {
		for _, p := range scopes[i].Pages {
			if p.Err != nil || !p.All {
				continue
			}
			r.add(pages.viewUnit(p, comet.Dashboards, ""))
			r.add(pages.viewUnit(p, comet.ChartTemplates, ""))
		}
	}
}

// What is reported about a server that lacks a table of views.
const (
	lackViews  = "views"
	lackCharts = "views of experiments"
)

// viewUnit returns the unit of the views that a project, or one experiment of it,
// has in a table.
func (pages *pageWriter) viewUnit(p *find.Project, table comet.ViewTable, key string) unit {
	return &fetchUnit[[]comet.View]{
		get: func(ctx context.Context) ([]comet.View, error) {
			return pages.x.client.Views.List(ctx, table, p.ID, key)
		},
		put: func(ctx context.Context, out *output, list []comet.View) error {
			for i := range list {
				pages.listsCharts = pages.listsCharts || table == comet.ChartTemplates && list[i].Key != ""
			}
			return pages.writeViews(ctx, out, p, list)
		},
		fail: func(out *output, err error) error {
			what := lackViews
			if table == comet.ChartTemplates {
				what = lackCharts
				// One that has no views at all is reported once.
				pages.x.find.Reported[what] = pages.x.find.Reported[what] || pages.x.find.Reported[lackViews] && judge.Unsupported(err)
			}
			if pages.x.find.Lacks(what, err) {
				return nil
			}
			return out.skip(judge.Item{Kind: stream.KindView, Workspace: p.Workspace, Project: p.Name, Experiment: key}, err)
		},
	}
}

// viewRoute is the route through the views of experiments. Whether the listing of
// a project has them is not known, unless it shows one; else each experiment is
// asked for its own.
type viewRoute struct {
	x        *Exporter
	projects []*find.Project
	keys     []string // experiments of projects[0] whose turn has not come
	listed   bool     // keys are those of projects[0]
}

func (pages *pageWriter) newViewRoute(scopes []find.Workspace) *viewRoute {
	t := &viewRoute{x: pages.x}
	if pages.listsCharts || pages.x.find.Reported[lackCharts] {
		return t
	}
	for i := range scopes {
		t.projects = append(t.projects, scopes[i].Pages...)
	}
	return t
}

func (t *viewRoute) Next() unit {
	for len(t.projects) > 0 && t.listed {
		if len(t.keys) > 0 {
			key := t.keys[0]
			t.keys = t.keys[1:]
			return t.x.pages.viewUnit(t.projects[0], comet.ChartTemplates, key)
		}
		t.projects, t.listed = t.projects[1:], false
	}
	return nil
}

// load finds the experiments of the project that is next.
func (t *viewRoute) load(ctx context.Context, mu sync.Locker) (bool, error) {
	if len(t.projects) == 0 {
		return false, nil
	}
	p := t.projects[0]
	keys := t.x.exported[p.InStream()]
	x := t.x
	if (!x.o.Selection.Shard.Whole() || !x.o.Resources.HasAny(stream.ExperimentResources)) && p.Err == nil {
		// The stream has none of them, or those of a shard.
		keys = nil
		selected, _, err := x.find.Selected(ctx, p)
		if err != nil && judge.Fatal(err) {
			return false, err
		}
		for i := range selected {
			keys = append(keys, selected[i].Key)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	t.keys, t.listed = keys, true
	return true, nil
}

// writeViews writes those of a list of views that the stream does not have yet.
func (pages *pageWriter) writeViews(ctx context.Context, out *output, p *find.Project, list []comet.View) error {
	slices.SortStableFunc(list, func(a, b comet.View) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	for i := range list {
		v := &list[i]
		if v.Unsaved || v.ID != "" && pages.viewsDone[v.ID] || pages.leavesView(v) {
			// What somebody has changed and not saved is nobody's view yet.
			continue
		}
		pages.viewsDone[v.ID] = true
		item := judge.Item{Kind: stream.KindView, Workspace: p.Workspace, Project: p.Name, Experiment: v.Key, ID: v.ID, Name: v.Name}
		if err := out.skip(item, pages.writeView(ctx, out, p, v)); err != nil {
			return err
		}
	}
	return nil
}

// leavesView reports whether a view belongs to an experiment that is not in the
// stream, or that of another shard, where others are.
func (pages *pageWriter) leavesView(v *comet.View) bool {
	_, has := pages.x.seen[v.Key]
	if shard := pages.x.o.Selection.Shard; !has && !shard.Has(v.Key) {
		has = !pages.x.find.Search.Gone(v.Key)
	}
	return v.Key != "" && !has && !pages.x.o.Base.Has(v.Key) && pages.x.o.Resources.HasAny(stream.ExperimentResources)
}

// writeView writes a view after the panels that it shows.
func (pages *pageWriter) writeView(ctx context.Context, out *output, p *find.Project, v *comet.View) error {
	doc, err := document(v.Raw)
	if err != nil {
		return err
	}
	if err := pages.writeShown(ctx, out, p, v.Raw); err != nil {
		return err
	}
	return out.write(&stream.View{
		Workspace: judge.Valid(p.Workspace), Project: judge.Valid(p.Name), Name: judge.Valid(v.Name), Doc: doc,
		Experiment: judge.TextOrNil(v.Key), ChartTemplate: v.Table == comet.ChartTemplates,
	})
}

// writeShown writes the custom panels that a view of a project shows, but for
// those that the stream has.
func (pages *pageWriter) writeShown(ctx context.Context, out *output, in *find.Project, view []byte) error {
	list, err := pages.x.find.Panels(direct(ctx), &find.Path{Workspace: in.Workspace})
	if err != nil {
		return pages.skipPanels(out, in.Workspace, in.Name, err)
	}
	shown := make(map[string]bool) // by the ids of panels that are not in the stream yet
	for i := range list {
		if id := list[i].ID; !pages.panelsDone[id] {
			shown[id] = false
		}
	}
	for word := range bytes.FieldsFuncSeq(view, isNotOfID) {
		if _, ok := shown[string(word)]; ok {
			shown[string(word)] = true
		}
	}
	for i := range list {
		p := &list[i]
		if !shown[p.ID] {
			continue
		}
		u := &panelUnit{x: pages.x, workspace: in.Workspace, project: in.Name, p: p}
		out.q.Lock()
		u.begin(out.q, 0)
		out.q.Unlock()
		err := u.write(ctx, out)
		u.end()
		if err != nil {
			return err
		}
	}
	return nil
}

func isNotOfID(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_'
}
