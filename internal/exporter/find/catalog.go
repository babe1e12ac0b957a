package find

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/suggest"
	"github.com/comet-stream/comet-stream/stream"
)

// Artifacts returns the artifacts of a workspace that a path names, in the
// order of their names. The list is read once.
func (x *Finder) Artifacts(ctx context.Context, p *Path) ([]comet.Artifact, error) {
	return listed(x, x.ArtifactLists, p, "artifact", ArtifactName, func() ([]comet.Artifact, error) { return x.client.Artifacts.List(ctx, p.Workspace, "") })
}

// Models returns the registry models of a workspace that a path names, in the
// order of their names. The list is read once.
func (x *Finder) Models(ctx context.Context, p *Path) ([]comet.RegistryModel, error) {
	return listed(x, x.modelLists, p, "registry model", ModelName, func() ([]comet.RegistryModel, error) { return x.client.Registry.Models(ctx, p.Workspace) })
}

// listed returns what a path names of the list of its workspace, which is read if it
// is not in lists.
func listed[T any](x *Finder, lists map[string][]T, p *Path, what string, name func(*T) string, read func() ([]T, error)) ([]T, error) {
	list, ok := lists[p.Workspace]
	if !ok {
		var err error
		if list, err = read(); err != nil && !x.Lacks(what+"s", err) {
			return nil, err
		}
		lists[p.Workspace] = list
	}
	return named(list, p, what, name)
}

// Panels returns the custom panels of a workspace that a path names, in the
// order of their names. The list is read once.
func (x *Finder) Panels(ctx context.Context, p *Path) ([]comet.Panel, error) {
	l, ok := x.panelLists[p.Workspace]
	if !ok {
		l.rows, l.err = x.client.Panels.List(ctx, p.Workspace)
		if l.err != nil && x.Lacks("panels", l.err) {
			l.err = nil
		}
		slices.SortFunc(l.rows, func(a, b comet.Panel) int { return strings.Compare(a.ID, b.ID) })
		x.panelLists[p.Workspace] = l
	}
	if l.err != nil {
		return nil, l.err
	}
	return named(l.rows, p, "panel", PanelName)
}

// panelList is the list of the custom panels of a workspace, or why there is
// none.
type panelList struct {
	rows []comet.Panel
	err  error
}

// artifactVersions returns the versions in scope of the one artifact that a
// path names; nothing if it names none.
func (x *Finder) artifactVersions(ctx context.Context, p *Path) ([]comet.ArtifactVersion, error) {
	list, err := x.Artifacts(ctx, p)
	if err != nil || p.Name == "" {
		return nil, err
	}
	a, err := x.client.Artifacts.Get(ctx, p.Workspace, list[0].Name)
	if err != nil {
		return nil, err
	}
	return versionsOf(a.Versions, p, ArtifactLabels)
}

// modelVersions is artifactVersions for registry models.
func (x *Finder) modelVersions(ctx context.Context, p *Path) ([]comet.RegistryVersion, error) {
	list, err := x.Models(ctx, p)
	if err != nil || p.Name == "" {
		return nil, err
	}
	m, err := x.client.Registry.Model(ctx, p.Workspace, list[0].Name)
	if err != nil {
		return nil, err
	}
	return versionsOf(m.Versions, p, ModelLabels)
}

// versionsOf is inScope with an error that lists what exists.
func versionsOf[T any](list []T, p *Path, get func(*T) Label) ([]T, error) {
	var want []string
	if p.Version != "" {
		want = []string{p.Version}
	}
	found, err := InScope(list, want, get)
	if err == nil {
		return found, nil
	}
	var names []string
	for i := range list {
		l := get(&list[i])
		names = append(append(names, l.version), l.others...)
	}
	in := *p
	in.Version = ""
	return nil, &NotFoundError{What: "version", Name: p.Version, In: in.String(), Similar: names[:min(len(names), 20)], Count: len(list)}
}

// EachVersion calls the functions for the artifact and model versions in scope,
// and fail with the error for what cannot be had, or of one of them. An error of
// fail ends it.
func (x *Finder) EachVersion(ctx context.Context, w *Workspace, artifact func(*comet.Artifact, *comet.ArtifactVersion) error,
	model func(*comet.RegistryModel, *comet.RegistryVersion) error, fail func(error) error) error {
	err := EachPicked(ctx, w, &w.Artifacts, x.Artifacts, ArtifactName, func(a *comet.Artifact, want []string) error {
		list, err := x.artifactVersions(ctx, &Path{Workspace: w.Name, Name: a.Name})
		return eachInScope(list, err, want, ArtifactLabels, func(v *comet.ArtifactVersion) error { return artifact(a, v) }, fail)
	})
	if err != nil {
		if err = fail(err); err != nil {
			return err
		}
	}
	err = EachPicked(ctx, w, &w.Models, x.Models, ModelName, func(m *comet.RegistryModel, want []string) error {
		list, err := x.modelVersions(ctx, &Path{Workspace: w.Name, Name: m.Name})
		return eachInScope(list, err, want, ModelLabels, func(v *comet.RegistryVersion) error { return model(m, v) }, fail)
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

// eachInScope calls f for the versions in scope of a list, unless that could not
// be had because of err, and fail for what goes wrong.
func eachInScope[T any](list []T, err error, want []string, labels func(*T) Label, f func(*T) error, fail func(error) error) error {
	if err == nil {
		list, err = InScope(list, want, labels)
	}
	if err != nil {
		return fail(err)
	}
	for i := range list {
		if err := f(&list[i]); err != nil {
			if err = fail(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// neededKeys returns the experiments that artifact and model versions in scope
// come from.
func (x *Finder) neededKeys(ctx context.Context, w *Workspace) (keys []string, err error) {
	err = x.EachVersion(ctx, w, func(a *comet.Artifact, v *comet.ArtifactVersion) error {
		details, err := x.client.Artifacts.Version(ctx, comet.VersionQuery{Workspace: w.Name, Name: a.Name, Version: v.Version})
		if err != nil {
			return err
		}
		if details.Key != nil && *details.Key != "" {
			keys = append(keys, *details.Key)
		}
		return nil
	}, func(_ *comet.RegistryModel, v *comet.RegistryVersion) error {
		if v.Key != "" {
			keys = append(keys, v.Key)
		}
		return nil
	}, UnlessFatal) // what comes from it is reported when the version is written
	return keys, err
}

// UnlessFatal drops the errors that are of one item.
func UnlessFatal(err error) error {
	if judge.Fatal(err) {
		return err
	}
	return nil
}

// A Label is what a version is found by, and when it was made.
type Label struct {
	version string
	others  []string
	made    *int64 // nil = not known
}

// ArtifactLabels returns the label of a version of an artifact.
func ArtifactLabels(v *comet.ArtifactVersion) Label { return Label{v.Version, v.Aliases, v.Added} }

// ModelLabels returns the label of a version of a registry model.
func ModelLabels(v *comet.RegistryVersion) Label { return Label{v.Version, v.Stages, v.Created} }

// ArtifactName returns the name of an artifact.
func ArtifactName(row *comet.Artifact) string { return row.Name }

// ModelName returns the name of a registry model.
func ModelName(row *comet.RegistryModel) string { return row.Name }

// PanelName returns the name of a panel.
func PanelName(p *comet.Panel) string { return p.Name }

// InScope returns the versions that paths name by version or label, all of them if
// want is nil, in the order in which they were made: the last one to come is the
// latest of a destination. Where that is not known of each, and for those of one
// time, it is the order of their numbers.
func InScope[T any](list []T, want []string, get func(*T) Label) ([]T, error) {
	list = slices.Clone(list)
	timed := !slices.ContainsFunc(list, func(v T) bool { return get(&v).made == nil })
	slices.SortStableFunc(list, func(a, b T) int {
		x, y, made := get(&a), get(&b), 0
		if timed {
			made = cmp.Compare(*x.made, *y.made)
		}
		return cmp.Or(made, CompareVersions(x.version, y.version))
	})
	if want == nil {
		return list, nil
	}
	found := slices.DeleteFunc(list, func(v T) bool {
		l := get(&v)
		return !slices.ContainsFunc(want, func(w string) bool {
			return l.version == w || slices.ContainsFunc(l.others, func(l string) bool { return strings.EqualFold(l, w) })
		})
	})
	if len(found) == 0 {
		return nil, judge.ItemErrorf("there is no version %s", QuoteAll(want))
	}
	return found, nil
}

// CompareVersions orders semantic versions; what is none comes first.
func CompareVersions(a, b string) int {
	pa, pb := versionParts(a), versionParts(b)
	return cmp.Or(slices.Compare(pa, pb), strings.Compare(a, b))
}

// named returns those of a list that a path names, in the order of their
// names. It settles how the name in the path is meant.
func named[T any](list []T, p *Path, what string, name func(*T) string) ([]T, error) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return strings.Compare(name(&a), name(&b)) })
	if p.Name == "" {
		return list, nil
	}
	names := make([]string, len(list))
	for i := range list {
		names[i] = name(&list[i])
	}
	first := p.find(p.Name, names)
	if first < 0 {
		return nil, &NotFoundError{What: what, Name: p.Name, In: p.Workspace + "/" + p.Kind, Similar: suggest.Nearest(p.Name, names, 5), Count: len(names)}
	}
	p.Name, p.Literal = names[first], ""
	after := first
	for after < len(names) && names[after] == p.Name {
		after++
	}
	return list[first:after], nil
}

// Lacks reports whether an error means that the server has no call for something.
// That is reported once: older servers have none of it, and others may keep it to
// themselves.
func (x *Finder) Lacks(what string, err error) bool {
	e, ok := errors.AsType[*comet.Error](err)
	if !judge.Unsupported(err) && !(ok && e.Named) {
		return false
	}
	x.ReportLacking(what, err)
	return true
}

// ReportLacking tells once that the server lacks something.
func (x *Finder) ReportLacking(what string, err error) {
	if !x.Reported[what] {
		x.Reported[what] = true
		x.o.Warn(fmt.Sprintf("the server does not provide %s, so the stream has none: %v", what, err))
	}
}

// Gone reports whether a version of an artifact or a model goes with the
// experiment that it comes from.
func (x *Finder) Gone(key string) bool {
	return key != "" && x.o.Selection.SelectsExperiments() && x.Search.Gone(key)
}

// Workspace says what of a workspace is in scope.
type Workspace struct {
	Name                      string
	Named                     bool // what belongs to it is in scope, not only pages
	Artifacts, Models, Panels pick
	Pages                     []*Project // whose views are in scope, with the panels that they show
}

// WorkspaceScopes returns what paths and RESOURCE names select, by workspace.
func (x *Finder) WorkspaceScopes(s *Scope) []Workspace {
	var list []Workspace
	at := func(name string) *Workspace {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
		list = append(list, Workspace{Name: name})
		return &list[len(list)-1]
	}
	has := x.o.Resources.HasAny
	// Views name panels by their ids, so that all of a workspace stay together.
	hasPanels := func(workspace string) bool {
		return has(stream.ResourcePanels) && x.o.Selection.Shard.Has(workspace)
	}
	for _, p := range s.special {
		w := at(p.Workspace)
		w.Named = true
		switch {
		case p.Kind == PathArtifacts && has(stream.ResourceArtifacts):
			w.Artifacts.Add(&p)
		case p.Kind == pathModels && has(stream.ResourceModels):
			w.Models.Add(&p)
		case p.Kind == PathPanels && hasPanels(p.Workspace):
			w.Panels.Add(&p)
		}
	}
	for _, name := range s.Workspaces {
		w := at(name)
		w.Named = true
		w.Artifacts.All = has(stream.ResourceArtifacts)
		w.Models.All = has(stream.ResourceModels)
		w.Panels.All = hasPanels(name)
	}
	for _, p := range s.Projects {
		if hasPanels(p.Workspace) {
			w := at(p.Workspace)
			w.Pages = append(w.Pages, p)
		}
	}
	slices.SortFunc(list, func(a, b Workspace) int { return strings.Compare(a.Name, b.Name) })
	return slices.DeleteFunc(list, func(w Workspace) bool {
		return w.Artifacts.Empty() && w.Models.Empty() && w.Panels.Empty() && len(w.Pages) == 0 && !has(stream.ResourceLinks)
	})
}

// CheckSpecial makes sure that a path to what belongs to a workspace leads
// somewhere, and gives it the name of that.
func (r *resolver) CheckSpecial(ctx context.Context, p *Path) error {
	projects, err := r.ProjectsOf(ctx, p.Workspace)
	if err != nil {
		return err
	}
	for i := range projects {
		if projects[i].Name == p.Kind {
			r.x.o.Warn(fmt.Sprintf("%q means all of the workspace; write the project of that name as %q",
				p.Workspace+"/"+p.Kind, p.Workspace+"/"+ProjectPart(p.Kind)))
		}
	}
	switch p.Kind {
	case PathArtifacts:
		_, err = r.x.artifactVersions(ctx, p)
	case pathModels:
		_, err = r.x.modelVersions(ctx, p)
	case PathPanels:
		_, err = r.x.Panels(ctx, p)
	}
	if _, ok := errors.AsType[*NotFoundError](err); err == nil || ok {
		return err
	}
	return fmt.Errorf("%q: %w", p, err)
}

// addNeeded puts the experiments that versions in scope come from into the
// scope.
func (r *resolver) addNeeded(ctx context.Context) error {
	var keys []string
	for _, w := range r.x.WorkspaceScopes(&r.scope) {
		more, err := r.x.neededKeys(ctx, &w)
		if err != nil {
			return err
		}
		keys = append(keys, more...)
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		e, err := r.x.client.Experiments.Metadata(ctx, key)
		switch {
		case err == nil:
		case judge.Fatal(err):
			return fmt.Errorf("experiment %q: %w", key, err)
		default:
			// It is reported when the version is written.
			r.x.NotAdded[key] = err
			continue
		}
		if _, err := r.addToProject(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// EachPicked calls f for what is picked of the list of a workspace, with the
// versions of it that are.
func EachPicked[T any](ctx context.Context, w *Workspace, picked *pick, list func(context.Context, *Path) ([]T, error),
	name func(*T) string, f func(of *T, versions []string) error) error {
	if picked.Empty() {
		return nil
	}
	all, err := list(ctx, &Path{Workspace: w.Name})
	if err != nil {
		return err
	}
	for i := range all {
		if versions, ok := picked.has(name(&all[i])); ok {
			if err := f(&all[i], versions); err != nil {
				return err
			}
		}
	}
	return nil
}

func versionParts(s string) []int {
	core, _, _ := strings.Cut(s, "-")
	var parts []int
	for _, p := range strings.Split(core, ".") {
		n, err := strconv.Atoi(p)
		if err != nil {
			return nil
		}
		parts = append(parts, n)
	}
	return parts
}
