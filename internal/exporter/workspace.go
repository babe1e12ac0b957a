package exporter

import (
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

// What belongs to a workspace as a whole comes after all projects: first the
// groups, of artifacts and registry models, then single records. A partial stream
// ends after a group, so that the single records are all written again.

// planWorkspaces returns the workspaces that the plan names.
func (x *Exporter) planWorkspaces(s *find.Scope) []string {
	var names []string
	for _, w := range x.find.WorkspaceScopes(s) {
		if w.Named {
			names = append(names, judge.Valid(w.Name))
		}
	}
	return names
}

// workspaces writes what belongs to workspaces.
func (x *Exporter) workspaces(ctx, graceCtx context.Context, s *find.Scope, out *output) error {
	r := new(fixedRoute)
	scopes := x.find.WorkspaceScopes(s)
	for i := range scopes {
		w := &scopes[i]
		if err := x.artifactUnits(direct(ctx), w, r, out); err != nil {
			return err
		}
		if err := x.modelUnits(direct(ctx), w, r, out); err != nil {
			return err
		}
	}
	// The single records come after all groups.
	x.linkUnits(r)
	for i := range scopes {
		w := &scopes[i]
		if err := x.lineageUnits(direct(ctx), w, r, out); err != nil {
			return err
		}
		if err := x.pages.panelUnits(direct(ctx), w, r, out); err != nil {
			return err
		}
	}
	x.pages.viewUnits(scopes, r)
	r.add(&recordUnit{x.skipNotAdded})
	if err := x.run(ctx, graceCtx, r, out); err != nil {
		return err
	}
	if err := x.run(ctx, graceCtx, x.pages.newViewRoute(scopes), out); err != nil {
		return err
	}
	return x.notUnicode.skip(out, "")
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
func (u *recordUnit) end()                       {}
func (u *recordUnit) write(_ context.Context, out *output) error {
	return u.records(out)
}

// fetchUnit fetches one value and writes what it is about.
type fetchUnit[T any] struct {
	get   func(ctx context.Context) (T, error)
	put   func(ctx context.Context, out *output, v T) error
	fail  func(out *output, err error) error
	value *prefetch.Value[T]
}

func (u *fetchUnit[T]) begin(q *prefetch.Queue, n int) {
	u.value = prefetch.NewValue(q, prefetch.Position{Unit: n}, func(ctx context.Context, _ *prefetch.Slot) (T, error) { return u.get(ctx) })
	q.Push(u.value.Slot)
}

func (u *fetchUnit[T]) end() { u.value.Leave() }

func (u *fetchUnit[T]) write(ctx context.Context, out *output) error {
	v, err := u.value.Get(ctx)
	if err == nil {
		err = u.put(ctx, out, v)
	}
	if err != nil {
		return u.fail(out, err)
	}
	return nil
}

// lineageUnits adds the artifact versions in scope that the experiments of the
// stream consumed. A workspace without artifacts has no lineage, and is not asked
// for that of each experiment.
func (x *Exporter) lineageUnits(ctx context.Context, w *find.Workspace, r *fixedRoute, out *output) error {
	list, known := x.find.ArtifactLists[w.Name]
	if w.Artifacts.Empty() || known && len(list) == 0 {
		return nil
	}
	left, err := x.lineageLeft(ctx, w)
	if err != nil {
		return out.skip(judge.Item{Kind: stream.KindLineage, Workspace: w.Name}, err)
	}
	for _, key := range x.exportedIn(w.Name) {
		r.add(&fetchUnit[[]comet.Lineage]{
			get: func(ctx context.Context) ([]comet.Lineage, error) {
				return x.client.Artifacts.Lineage(ctx, key)
			},
			put: func(_ context.Context, out *output, list []comet.Lineage) error {
				return writeLineage(out, w.Name, key, slices.DeleteFunc(list, left))
			},
			fail: func(out *output, err error) error {
				if judge.Absence(stream.KindLineage, err) || x.find.Lacks("inputs of experiments", err) {
					return nil
				}
				return out.skip(judge.Item{Kind: stream.KindLineage, Workspace: w.Name, Experiment: key}, err)
			},
		})
	}
	return nil
}

// lineageLeft returns what reports whether an input of an experiment is to be
// left out, since paths name other artifacts, or other versions of them.
func (x *Exporter) lineageLeft(ctx context.Context, w *find.Workspace) (func(comet.Lineage) bool, error) {
	if w.Artifacts.All {
		return func(comet.Lineage) bool { return false }, nil
	}
	versions := make(map[string]bool)
	err := x.find.EachVersion(ctx, &find.Workspace{Name: w.Name, Artifacts: w.Artifacts},
		func(a *comet.Artifact, v *comet.ArtifactVersion) error {
			versions[a.Name+":"+v.Version] = true
			return nil
		}, nil, func(err error) error { return err })
	return func(l comet.Lineage) bool {
		return l.Workspace != "" && l.Workspace != w.Name || !versions[l.Name+":"+l.Version]
	}, err
}

func writeLineage(out *output, workspace, key string, list []comet.Lineage) error {
	name := func(l *comet.Lineage) string { return l.Workspace + "\x00" + l.Name + "\x00" + l.Version }
	slices.SortStableFunc(list, func(a, b comet.Lineage) int { return strings.Compare(name(&a), name(&b)) })
	list = slices.CompactFunc(list, func(a, b comet.Lineage) bool { return name(&a) == name(&b) })
	for i := range list {
		l := &list[i]
		if l.Name == "" || l.Version == "" {
			return judge.ItemErrorf("the server does not list the artifact versions that it consumed")
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
	for _, p := range x.scope.Projects {
		if p.Workspace == workspace {
			keys = append(keys, x.exported[p.InStream()]...)
		}
	}
	return keys
}
