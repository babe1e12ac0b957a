package exporter

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// The pages of a project are its views, those of its experiments, and the custom
// panels that these show. They go with the project, also where the other panels
// of its workspace do not.

// panels returns the custom panels of a workspace that a path names, in the
// order of their names. The list is read once.
func (x *Exporter) panels(ctx context.Context, p *Path) ([]comet.Panel, error) {
	l, ok := x.panelLists[p.Workspace]
	if !ok {
		l.rows, l.err = x.client.Panels.List(ctx, p.Workspace)
		if l.err != nil && x.lacks("panels", l.err) {
			l.err = nil
		}
		slices.SortFunc(l.rows, func(a, b comet.Panel) int { return strings.Compare(a.ID, b.ID) })
		x.panelLists[p.Workspace] = l
	}
	if l.err != nil {
		return nil, l.err
	}
	return named(l.rows, p, "panel", panelName)
}

// panelList is the list of the custom panels of a workspace, or why there is
// none.
type panelList struct {
	rows []comet.Panel
	err  error
}

// skipPanels tells that the panels of a workspace are not known: where all of them
// are in scope once, else for each project whose views show some.
func (x *Exporter) skipPanels(out *output, workspace, project string, err error) error {
	const of = "panels of "
	at := of + workspace + "/" + project
	if x.told[of+workspace+"/"] || x.told[at] {
		return nil
	}
	x.told[at] = true
	return out.skipAt(stream.KindPanel, workspace, project, "", "", "", err)
}

// panelUnits adds the custom panels of a workspace.
func (x *Exporter) panelUnits(ctx context.Context, w *workspaceScope, r *fixedRoute, out *output) error {
	err := eachPicked(ctx, w, &w.panels, x.panels, panelName, func(p *comet.Panel, _ []string) error {
		r.add(&panelUnit{x: x, workspace: w.name, p: p})
		return nil
	})
	if err != nil {
		return x.skipPanels(out, w.name, "", err)
	}
	return nil
}

func panelName(p *comet.Panel) string { return p.Name }

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

func (u *panelUnit) end(q *prefetch.Queue) { q.Leave(u.file.Slot) }

func (u *panelUnit) write(ctx context.Context, q *prefetch.Queue, out *output) error {
	u.x.panelsDone[u.p.ID] = true
	doc, err := document(u.p.Raw)
	if err == nil {
		err = u.file.Each(ctx, q, func(data []byte, more bool) error {
			return out.write(&stream.Panel{
				Workspace: judge.Valid(u.workspace), Project: judge.Valid(u.project), ID: judge.Valid(u.p.ID), Name: judge.Valid(u.p.Name), Doc: doc,
				Data: data, More: more,
			})
		})
	}
	if err != nil {
		return out.skipAt(stream.KindPanel, u.workspace, u.project, "", u.p.ID, u.p.Name, err)
	}
	return nil
}

// viewUnits adds the views of the projects in scope, as far as the listings of
// whole projects have them.
func (x *Exporter) viewUnits(scopes []workspaceScope, r *fixedRoute) {
	for i := range scopes {
		for _, p := range scopes[i].pages {
			if p.err != nil || !p.all {
				continue
			}
			r.add(x.viewUnit(p, comet.Dashboards, ""))
			r.add(x.viewUnit(p, comet.ChartTemplates, ""))
		}
	}
}

// What is told of a server that lacks a table of views.
const (
	lackViews  = "views"
	lackCharts = "views of experiments"
)

// viewUnit returns the unit of the views that a project, or one experiment of it,
// has in a table.
func (x *Exporter) viewUnit(p *project, table comet.ViewTable, key string) unit {
	return &fetchUnit[[]comet.View]{
		get: func(ctx context.Context) ([]comet.View, error) { return x.client.Views.List(ctx, table, p.ID, key) },
		put: func(ctx context.Context, q *prefetch.Queue, out *output, list []comet.View) error {
			for i := range list {
				x.listsCharts = x.listsCharts || table == comet.ChartTemplates && list[i].Key != ""
			}
			return x.writeViews(ctx, q, out, p, list)
		},
		fail: func(out *output, err error) error {
			what := lackViews
			if table == comet.ChartTemplates {
				what = lackCharts
				// One that has no views at all is told of once.
				x.told[what] = x.told[what] || x.told[lackViews] && judge.Unsupported(err)
			}
			if x.lacks(what, err) {
				return nil
			}
			return out.skipAt(stream.KindView, p.Workspace, p.Name, key, "", "", err)
		},
	}
}

// viewTour is the route through the views of experiments. Whether the listing of
// a project has them is not known, unless it shows one; else each experiment is
// asked for its own.
type viewTour struct {
	x        *Exporter
	projects []*project
	keys     []string // experiments of projects[0] whose turn has not come
	listed   bool     // keys are those of projects[0]
}

func (x *Exporter) newViewTour(scopes []workspaceScope) *viewTour {
	t := &viewTour{x: x}
	if x.listsCharts || x.told[lackCharts] {
		return t
	}
	for i := range scopes {
		t.projects = append(t.projects, scopes[i].pages...)
	}
	return t
}

func (t *viewTour) Next() unit {
	for len(t.projects) > 0 && t.listed {
		if len(t.keys) > 0 {
			key := t.keys[0]
			t.keys = t.keys[1:]
			return t.x.viewUnit(t.projects[0], comet.ChartTemplates, key)
		}
		t.projects, t.listed = t.projects[1:], false
	}
	return nil
}

// load finds the experiments of the project that is next.
func (t *viewTour) load(ctx context.Context, mu sync.Locker) (bool, error) {
	if len(t.projects) == 0 {
		return false, nil
	}
	p := t.projects[0]
	keys := t.x.exported[p.inStream()]
	x := t.x
	if (!x.o.Selection.Shard.Whole() || !x.o.Resources.HasAny(stream.ExperimentResources)) && p.err == nil {
		// The stream has none of them, or those of a shard.
		keys = nil
		selected, _, err := x.selected(ctx, p)
		if err != nil && judge.Fatal(err) {
			return false, err
		}
		for i := range selected {
			keys = append(keys, selected[i].key)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	t.keys, t.listed = keys, true
	return true, nil
}

// writeViews writes those of a list of views that the stream does not have yet.
func (x *Exporter) writeViews(ctx context.Context, q *prefetch.Queue, out *output, p *project, list []comet.View) error {
	slices.SortStableFunc(list, func(a, b comet.View) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	for i := range list {
		v := &list[i]
		if v.Unsaved || v.ID != "" && x.viewsDone[v.ID] || x.leavesView(v) {
			// What somebody has changed and not saved is nobody's view yet.
			continue
		}
		x.viewsDone[v.ID] = true
		if err := x.writeView(ctx, q, out, p, v); err != nil {
			if err := out.skipAt(stream.KindView, p.Workspace, p.Name, v.Key, v.ID, v.Name, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// leavesView reports whether a view belongs to an experiment that is not in the
// stream, or that of another shard, where others are.
func (x *Exporter) leavesView(v *comet.View) bool {
	_, has := x.seen[v.Key]
	if shard := x.o.Selection.Shard; !has && !shard.Has(v.Key) {
		has = !x.search.Gone(v.Key)
	}
	return v.Key != "" && !has && !x.o.Base.Has(v.Key) && x.o.Resources.HasAny(stream.ExperimentResources)
}

// writeView writes a view behind the panels that it shows.
func (x *Exporter) writeView(ctx context.Context, q *prefetch.Queue, out *output, p *project, v *comet.View) error {
	doc, err := document(v.Raw)
	if err != nil {
		return err
	}
	if err := x.writeShown(ctx, q, out, p, v.Raw); err != nil {
		return err
	}
	return out.write(&stream.View{
		Workspace: judge.Valid(p.Workspace), Project: judge.Valid(p.Name), Name: judge.Valid(v.Name), Doc: doc,
		Experiment: judge.TextOrNil(v.Key), ChartTemplate: v.Table == comet.ChartTemplates,
	})
}

// writeShown writes the custom panels that a view of a project shows, but for
// those that the stream has.
func (x *Exporter) writeShown(ctx context.Context, q *prefetch.Queue, out *output, in *project, view []byte) error {
	list, err := x.panels(direct(ctx), &Path{Workspace: in.Workspace})
	if err != nil {
		return x.skipPanels(out, in.Workspace, in.Name, err)
	}
	left := make(map[string]bool) // whether the view shows it
	for i := range list {
		if id := list[i].ID; !x.panelsDone[id] {
			left[id] = false
		}
	}
	eachWord(view, func(word []byte) {
		if _, ok := left[string(word)]; ok {
			left[string(word)] = true
		}
	})
	for i := range list {
		p := &list[i]
		if !left[p.ID] {
			continue
		}
		u := &panelUnit{x: x, workspace: in.Workspace, project: in.Name, p: p}
		q.Lock()
		u.begin(q, 0)
		q.Unlock()
		err := u.write(ctx, q, out)
		u.end(q)
		if err != nil {
			return err
		}
	}
	return nil
}

// eachWord calls f for all that may be an id in a text.
func eachWord(text []byte, f func(word []byte)) {
	for len(text) > 0 {
		n := 0
		for n < len(text) && isIDByte(text[n]) {
			n++
		}
		if n > 0 {
			f(text[:n])
		}
		text = text[min(n+1, len(text)):]
	}
}

func isIDByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '_'
}
