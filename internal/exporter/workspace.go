package exporter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// What belongs to a workspace as a whole stands behind all projects: first the
// groups, of artifacts and registry models, then single records. A partial
// stream ends behind a group, so that the single records are all written anew.

// workspaceScope says what of a workspace is in scope.
type workspaceScope struct {
	name                      string
	artifacts, models, panels pick
	views                     bool // of its projects
}

// workspaceScopes returns what paths and RESOURCE names select, by workspace.
func (x *Exporter) workspaceScopes(s *scope) []workspaceScope {
	var list []workspaceScope
	at := func(name string) *workspaceScope {
		for i := range list {
			if list[i].name == name {
				return &list[i]
			}
		}
		list = append(list, workspaceScope{name: name})
		return &list[len(list)-1]
	}
	has := x.o.Resources.HasAny
	for _, p := range s.special {
		w := at(p.Workspace)
		switch {
		case p.Kind == pathArtifacts && has(stream.ResourceArtifacts):
			w.artifacts.add(&p)
		case p.Kind == pathModels && has(stream.ResourceModels):
			w.models.add(&p)
		case p.Kind == pathPanels && has(stream.ResourcePanels):
			w.panels.add(&p)
		}
	}
	for _, name := range s.workspaces {
		w := at(name)
		w.artifacts.all = has(stream.ResourceArtifacts)
		w.models.all = has(stream.ResourceModels)
		w.panels.all, w.views = has(stream.ResourcePanels), has(stream.ResourcePanels)
	}
	slices.SortFunc(list, func(a, b workspaceScope) int { return strings.Compare(a.name, b.name) })
	return slices.DeleteFunc(list, func(w workspaceScope) bool {
		return w.artifacts.empty() && w.models.empty() && w.panels.empty() && !has(stream.ResourceLinks)
	})
}

// planWorkspaces returns the workspaces that the plan names.
func (x *Exporter) planWorkspaces(s *scope) []string {
	var names []string
	for _, w := range x.workspaceScopes(s) {
		names = append(names, valid(w.name))
	}
	return names
}

// workspaces writes what belongs to workspaces.
func (x *Exporter) workspaces(ctx, hard context.Context, s *scope, out *output) error {
	r := new(fixedRoute)
	scopes := x.workspaceScopes(s)
	for i := range scopes {
		w := &scopes[i]
		if err := x.artifactUnits(direct(ctx), w, r, out); err != nil {
			return err
		}
		if err := x.modelUnits(direct(ctx), w, r, out); err != nil {
			return err
		}
	}
	// The single records come behind all groups.
	x.linkUnits(r)
	for i := range scopes {
		w := &scopes[i]
		if err := x.lineageUnits(direct(ctx), w, r, out); err != nil {
			return err
		}
		if err := x.panelUnits(direct(ctx), w, r, out); err != nil {
			return err
		}
	}
	x.viewUnits(s, scopes, r)
	return x.run(ctx, hard, r, out)
}

// skipIn is skip for something of a workspace.
func (o *output) skipIn(kind stream.Kind, workspace, id, name string, err error) error {
	if isFatal(err) {
		return err
	}
	s := skipped(kind, "", id, name, err)
	s.Workspace = valid(workspace)
	return o.skip(s)
}

// lacks reports whether an error means that the server has no call for something.
// That is told once: older servers have none of it, and others may keep it to
// themselves.
func (x *Exporter) lacks(what string, err error) bool {
	if !isMissing(err) && !isUnsupported(err) {
		return false
	}
	x.tellLack(what, err)
	return true
}

// tellLack tells once that the server gives something not.
func (x *Exporter) tellLack(what string, err error) {
	if !x.told[what] {
		x.told[what] = true
		x.o.Observer.Warn(fmt.Sprintf("the server gives no %s, so that the stream has none: %v", what, err))
	}
}

// fixedRoute is a route through units that are known from the start.
type fixedRoute struct{ units []unit }

func (r *fixedRoute) add(u unit) { r.units = append(r.units, u) }

func (r *fixedRoute) next() unit {
	if len(r.units) == 0 {
		return nil
	}
	u := r.units[0]
	r.units[0] = nil
	r.units = r.units[1:]
	return u
}

func (r *fixedRoute) load(context.Context, sync.Locker) (bool, error) { return false, nil }

// recordUnit writes records that need no fetching.
type recordUnit struct {
	records func(out *output) error
}

func (u *recordUnit) begin(*queue, int)                                    {}
func (u *recordUnit) end(*queue)                                           {}
func (u *recordUnit) write(_ context.Context, _ *queue, out *output) error { return u.records(out) }

// fetchUnit fetches one value and writes what it is about.
type fetchUnit[T any] struct {
	get   func(ctx context.Context) (T, error)
	put   func(out *output, v T) error
	fail  func(out *output, err error) error
	value *valueSlot[T]
}

func (u *fetchUnit[T]) begin(q *queue, n int) {
	u.value = newValueSlot(position{unit: n}, func(ctx context.Context, _ *slot) (T, error) { return u.get(ctx) })
	q.push(u.value.slot)
}

func (u *fetchUnit[T]) end(q *queue) { q.leave(u.value.slot) }

func (u *fetchUnit[T]) write(ctx context.Context, q *queue, out *output) error {
	v, err := u.value.get(ctx, q)
	if err == nil {
		err = u.put(out, v)
	}
	if err != nil {
		return u.fail(out, err)
	}
	return nil
}

// linkUnits adds the links of experiments that stand in the listings of other
// projects too.
func (x *Exporter) linkUnits(r *fixedRoute) {
	if !x.o.Resources.Has(stream.ResourceLinks) || len(x.links) == 0 {
		return
	}
	slices.SortFunc(x.links, func(a, b *stream.Link) int {
		return strings.Compare(a.Workspace+"/"+a.Project+"/"+a.Experiment, b.Workspace+"/"+b.Project+"/"+b.Experiment)
	})
	r.add(&recordUnit{func(out *output) error {
		for _, l := range x.links {
			if err := out.write(l); err != nil {
				return err
			}
		}
		return nil
	}})
}

// lineageUnits adds the artifact versions in scope that the experiments of the
// stream consumed. A workspace without artifacts has no lineage, and is not asked
// for that of each experiment.
func (x *Exporter) lineageUnits(ctx context.Context, w *workspaceScope, r *fixedRoute, out *output) error {
	if w.artifacts.empty() || len(x.artifactLists[w.name]) == 0 {
		return nil
	}
	left, err := x.lineageLeft(ctx, w)
	if err != nil {
		return out.skipIn(stream.KindLineage, w.name, "", "", err)
	}
	for _, key := range x.exported[w.name] {
		r.add(&fetchUnit[[]comet.Lineage]{
			get: func(ctx context.Context) ([]comet.Lineage, error) {
				return x.client.Lineage(ctx, key, comet.LineageInput)
			},
			put: func(out *output, list []comet.Lineage) error {
				return writeLineage(out, w.name, key, slices.DeleteFunc(list, left))
			},
			fail: func(out *output, err error) error {
				// One that has been deleted has consumed nothing.
				if isMissing(err) && !isUnsupported(err) || x.lacks("inputs of experiments", err) {
					return nil
				}
				if isFatal(err) {
					return err
				}
				s := skipped(stream.KindLineage, key, "", "", err)
				s.Workspace = valid(w.name)
				return out.skip(s)
			},
		})
	}
	return nil
}

// lineageLeft returns what reports whether an input of an experiment is to be
// left out, since paths name other artifacts, or other versions of them.
func (x *Exporter) lineageLeft(ctx context.Context, w *workspaceScope) (func(comet.Lineage) bool, error) {
	if w.artifacts.all {
		return func(comet.Lineage) bool { return false }, nil
	}
	versions := make(map[string]bool)
	err := x.eachVersion(ctx, &workspaceScope{name: w.name, artifacts: w.artifacts},
		func(a *comet.Artifact, v *comet.ArtifactVersion) error {
			versions[a.Name+":"+v.Version] = true
			return nil
		}, nil)
	return func(l comet.Lineage) bool {
		return l.Workspace != "" && l.Workspace != w.name || !versions[l.Name+":"+l.Version]
	}, err
}

func writeLineage(out *output, workspace, key string, list []comet.Lineage) error {
	name := func(l *comet.Lineage) string { return l.Workspace + "\x00" + l.Name + "\x00" + l.Version }
	slices.SortStableFunc(list, func(a, b comet.Lineage) int { return strings.Compare(name(&a), name(&b)) })
	list = slices.CompactFunc(list, func(a, b comet.Lineage) bool { return name(&a) == name(&b) })
	for i := range list {
		l := &list[i]
		if l.Name == "" || l.Version == "" {
			return itemErrorf("the server does not name the artifact versions that it consumed")
		}
		doc, err := document(l.Raw)
		if err != nil {
			return err
		}
		rec := &stream.Lineage{
			Artifact: valid(l.Name), Version: valid(l.Version), Workspace: valid(l.Workspace), Experiment: key, Doc: doc,
		}
		if rec.Workspace == "" {
			rec.Workspace = valid(workspace)
		}
		if err := out.write(rec); err != nil {
			return err
		}
	}
	return nil
}

// panels returns the custom panels of a workspace that a path names, in the
// order of their names. The list is read once.
func (x *Exporter) panels(ctx context.Context, p *Path) ([]comet.Panel, error) {
	list, ok := x.panelLists[p.Workspace]
	if !ok {
		var err error
		if list, err = x.client.Panels(ctx, p.Workspace); err != nil && !x.lacks("panels", err) {
			return nil, err
		}
		slices.SortFunc(list, func(a, b comet.Panel) int { return strings.Compare(a.ID, b.ID) })
		x.panelLists[p.Workspace] = list
	}
	return named(list, p, "panel", panelName)
}

// panelUnits adds the custom panels of a workspace.
func (x *Exporter) panelUnits(ctx context.Context, w *workspaceScope, r *fixedRoute, out *output) error {
	err := eachPicked(ctx, w, &w.panels, x.panels, panelName, func(p *comet.Panel, _ []string) error {
		r.add(&panelUnit{x: x, workspace: w.name, p: p})
		return nil
	})
	if err != nil {
		return out.skipIn(stream.KindPanel, w.name, "", "", err)
	}
	return nil
}

func panelName(p *comet.Panel) string { return p.Name }

// panelUnit carries a custom panel.
type panelUnit struct {
	x         *Exporter
	workspace string
	p         *comet.Panel
	file      *textSlot
}

func (u *panelUnit) begin(q *queue, n int) {
	u.file = newTextSlot(q, position{unit: n}, func(ctx context.Context) (*comet.Text, error) {
		return u.x.client.PanelFile(ctx, u.p.ID)
	})
	q.push(u.file.slot)
}

func (u *panelUnit) end(q *queue) { q.leave(u.file.slot) }

func (u *panelUnit) write(ctx context.Context, q *queue, out *output) error {
	doc, err := document(u.p.Raw)
	if err == nil {
		err = u.file.each(ctx, q, func(data []byte, more bool) error {
			return out.write(&stream.Panel{
				Workspace: valid(u.workspace), ID: valid(u.p.ID), Name: valid(u.p.Name), Doc: doc, Data: data, More: more,
			})
		})
	}
	if err != nil {
		return out.skipIn(stream.KindPanel, u.workspace, u.p.ID, u.p.Name, err)
	}
	return nil
}

// viewUnits adds the views of the projects in scope. Those of a project that
// is exported without its workspace are added when they are asked for.
func (x *Exporter) viewUnits(s *scope, scopes []workspaceScope, r *fixedRoute) {
	for _, p := range s.projects {
		whole := slices.ContainsFunc(scopes, func(w workspaceScope) bool { return w.name == p.Workspace && w.views })
		if p.err != nil || !p.all || !whole && (x.o.Resources == stream.AllResources || !x.o.Resources.Has(stream.ResourcePanels)) {
			continue
		}
		r.add(&fetchUnit[[]comet.View]{
			get: func(ctx context.Context) ([]comet.View, error) { return x.client.Views(ctx, p.ID, "") },
			put: func(out *output, list []comet.View) error { return writeViews(out, p, list) },
			fail: func(out *output, err error) error {
				if x.lacks("views", err) {
					return nil
				}
				if isFatal(err) {
					return err
				}
				s := skipped(stream.KindView, "", "", "", err)
				s.Workspace, s.Project = valid(p.Workspace), valid(p.Name)
				return out.skip(s)
			},
		})
	}
}

func writeViews(out *output, p *project, list []comet.View) error {
	// What somebody has changed and not saved is nobody's view yet.
	list = slices.DeleteFunc(list, func(v comet.View) bool { return v.Unsaved })
	slices.SortStableFunc(list, func(a, b comet.View) int {
		return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID)
	})
	for i := range list {
		v := &list[i]
		doc, err := document(v.Raw)
		if err != nil {
			return err
		}
		rec := &stream.View{Workspace: valid(p.Workspace), Project: valid(p.Name), Name: valid(v.Name), Doc: doc}
		if v.Key != nil && *v.Key != "" {
			rec.Experiment = textOrNil(*v.Key)
		}
		if err := out.write(rec); err != nil {
			return err
		}
	}
	return nil
}
