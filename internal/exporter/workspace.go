package exporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// What belongs to a workspace as a whole stands behind all projects: first the
// groups, of artifacts and registry models, then single records. A partial
// stream ends behind a group, so that the single records are all written anew.

// workspaceScope says what of a workspace is in scope.
type workspaceScope struct {
	name                      string
	named                     bool // what belongs to it is in scope, not only pages
	artifacts, models, panels pick
	pages                     []*project // whose views are in scope, with the panels that they show
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
	// Views name panels by their ids, so that all of a workspace stay together.
	hasPanels := func(workspace string) bool {
		return has(stream.ResourcePanels) && x.o.Selection.Shard.Has(workspace)
	}
	for _, p := range s.special {
		w := at(p.Workspace)
		w.named = true
		switch {
		case p.Kind == pathArtifacts && has(stream.ResourceArtifacts):
			w.artifacts.add(&p)
		case p.Kind == pathModels && has(stream.ResourceModels):
			w.models.add(&p)
		case p.Kind == pathPanels && hasPanels(p.Workspace):
			w.panels.add(&p)
		}
	}
	for _, name := range s.workspaces {
		w := at(name)
		w.named = true
		w.artifacts.all = has(stream.ResourceArtifacts)
		w.models.all = has(stream.ResourceModels)
		w.panels.all = hasPanels(name)
	}
	for _, p := range s.projects {
		if hasPanels(p.Workspace) {
			w := at(p.Workspace)
			w.pages = append(w.pages, p)
		}
	}
	slices.SortFunc(list, func(a, b workspaceScope) int { return strings.Compare(a.name, b.name) })
	return slices.DeleteFunc(list, func(w workspaceScope) bool {
		return w.artifacts.empty() && w.models.empty() && w.panels.empty() && len(w.pages) == 0 && !has(stream.ResourceLinks)
	})
}

// gone reports whether a version of an artifact or a model goes with the
// experiment that it comes from.
func (x *Exporter) gone(key string) bool {
	return key != "" && x.o.Selection.SelectsExperiments() && x.search.Gone(key)
}

// planWorkspaces returns the workspaces that the plan names.
func (x *Exporter) planWorkspaces(s *scope) []string {
	var names []string
	for _, w := range x.workspaceScopes(s) {
		if w.named {
			names = append(names, judge.Valid(w.name))
		}
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
	x.viewUnits(scopes, r)
	r.add(&recordUnit{x.skipNotAdded})
	if err := x.run(ctx, hard, r, out); err != nil {
		return err
	}
	if err := x.run(ctx, hard, x.newViewTour(scopes), out); err != nil {
		return err
	}
	return x.notUnicode.skip(out, "")
}

// skipIn is skip for something of a workspace.
func (o *output) skipIn(kind stream.Kind, workspace, id, name string, err error) error {
	return o.skipAt(kind, workspace, "", "", id, name, err)
}

// skipAt is skip for something of a workspace, and of a project and an experiment
// where these are not empty.
func (o *output) skipAt(of stream.Kind, workspace, project, key, id, name string, err error) error {
	if judge.Fatal(err) {
		return err
	}
	s := judge.Skipped(of, key, id, name, err)
	s.Workspace, s.Project = judge.Valid(workspace), judge.Valid(project)
	return o.skip(s)
}

// lacks reports whether an error means that the server has no call for something.
// That is told once: older servers have none of it, and others may keep it to
// themselves.
func (x *Exporter) lacks(what string, err error) bool {
	e, ok := errors.AsType[*comet.Error](err)
	if !judge.Unsupported(err) && !(ok && e.Named) {
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

func (r *fixedRoute) Next() unit {
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

func (u *recordUnit) begin(*prefetch.Queue, int) {}
func (u *recordUnit) end(*prefetch.Queue)        {}
func (u *recordUnit) write(_ context.Context, _ *prefetch.Queue, out *output) error {
	return u.records(out)
}

// fetchUnit fetches one value and writes what it is about.
type fetchUnit[T any] struct {
	get   func(ctx context.Context) (T, error)
	put   func(ctx context.Context, q *prefetch.Queue, out *output, v T) error
	fail  func(out *output, err error) error
	value *prefetch.Value[T]
}

func (u *fetchUnit[T]) begin(q *prefetch.Queue, n int) {
	u.value = prefetch.NewValue(prefetch.Position{Unit: n}, func(ctx context.Context, _ *prefetch.Slot) (T, error) { return u.get(ctx) })
	q.Push(u.value.Slot)
}

func (u *fetchUnit[T]) end(q *prefetch.Queue) { q.Leave(u.value.Slot) }

func (u *fetchUnit[T]) write(ctx context.Context, q *prefetch.Queue, out *output) error {
	v, err := u.value.Get(ctx, q)
	if err == nil {
		err = u.put(ctx, q, out, v)
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
	list, known := x.artifactLists[w.name]
	if w.artifacts.empty() || known && len(list) == 0 {
		return nil
	}
	left, err := x.lineageLeft(ctx, w)
	if err != nil {
		return out.skipIn(stream.KindLineage, w.name, "", "", err)
	}
	for _, key := range x.exportedIn(w.name) {
		r.add(&fetchUnit[[]comet.Lineage]{
			get: func(ctx context.Context) ([]comet.Lineage, error) {
				return x.client.Artifacts.Lineage(ctx, key, comet.LineageInput)
			},
			put: func(_ context.Context, _ *prefetch.Queue, out *output, list []comet.Lineage) error {
				return writeLineage(out, w.name, key, slices.DeleteFunc(list, left))
			},
			fail: func(out *output, err error) error {
				if judge.Absence(stream.KindLineage, err) || x.lacks("inputs of experiments", err) {
					return nil
				}
				if judge.Fatal(err) {
					return err
				}
				s := judge.Skipped(stream.KindLineage, key, "", "", err)
				s.Workspace = judge.Valid(w.name)
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
		}, nil, func(err error) error { return err })
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
			return judge.ItemErrorf("the server does not name the artifact versions that it consumed")
		}
		doc, err := document(l.Raw)
		if err != nil {
			return err
		}
		rec := &stream.Lineage{
			Artifact: judge.Valid(l.Name), Version: judge.Valid(l.Version), Workspace: judge.Valid(l.Workspace), Experiment: key, Doc: doc,
		}
		if rec.Workspace == "" {
			rec.Workspace = judge.Valid(workspace)
		}
		if err := out.write(rec); err != nil {
			return err
		}
	}
	return nil
}

// exportedIn returns the keys of the experiments of a workspace that are in the
// stream, in its order.
func (x *Exporter) exportedIn(workspace string) []string {
	var keys []string
	for _, p := range x.scope.projects {
		if p.Workspace == workspace {
			keys = append(keys, x.exported[p.inStream()]...)
		}
	}
	return keys
}
