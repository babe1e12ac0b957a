package exporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/internal/pathname"
	"github.com/comet-stream/comet-stream/stream"
)

// checkSpecial makes sure that a path to what belongs to a workspace leads
// somewhere, and gives it the name of that.
func (r *resolver) checkSpecial(ctx context.Context, p *Path) error {
	projects, err := r.projectsOf(ctx, p.Workspace)
	if err != nil {
		return err
	}
	for i := range projects {
		if projects[i].Name == p.Kind {
			r.x.o.Observer.Warn(fmt.Sprintf("%q is what belongs to the workspace; the project of that name is %q",
				p.Workspace+"/"+p.Kind, p.Workspace+"/"+projectPart(p.Kind)))
		}
	}
	switch p.Kind {
	case pathArtifacts:
		_, err = r.x.artifactVersions(ctx, p)
	case pathModels:
		_, err = r.x.modelVersions(ctx, p)
	case pathPanels:
		_, err = r.x.panels(ctx, p)
	}
	if _, ok := errors.AsType[*NotFoundError](err); err == nil || ok {
		return err
	}
	return fmt.Errorf("%q: %w", p, err)
}

// artifactVersions returns the versions in scope of the one artifact that a
// path names; nothing if it names none.
func (x *Exporter) artifactVersions(ctx context.Context, p *Path) ([]comet.ArtifactVersion, error) {
	list, err := x.artifacts(ctx, p)
	if err != nil || p.Name == "" {
		return nil, err
	}
	a, err := x.client.Artifacts.Get(ctx, p.Workspace, list[0].Name)
	if err != nil {
		return nil, err
	}
	return versionsOf(a.Versions, p, artifactLabels)
}

// modelVersions is artifactVersions for registry models.
func (x *Exporter) modelVersions(ctx context.Context, p *Path) ([]comet.RegistryVersion, error) {
	list, err := x.models(ctx, p)
	if err != nil || p.Name == "" {
		return nil, err
	}
	m, err := x.client.Registry.Model(ctx, p.Workspace, list[0].Name)
	if err != nil {
		return nil, err
	}
	return versionsOf(m.Versions, p, modelLabels)
}

// versionsOf is inScope with an error that says what there is.
func versionsOf[T any](list []T, p *Path, get func(*T) (string, []string)) ([]T, error) {
	var want []string
	if p.Version != "" {
		want = []string{p.Version}
	}
	found, err := inScope(list, want, get)
	if err == nil {
		return found, nil
	}
	var names []string
	for i := range list {
		version, labels := get(&list[i])
		names = append(append(names, version), labels...)
	}
	in := *p
	in.Version = ""
	return nil, &NotFoundError{What: "version", Name: p.Version, In: in.String(), Near: names[:min(len(names), 20)], Count: len(list)}
}

// addNeeded puts the experiments that versions in scope come from into the
// scope.
func (r *resolver) addNeeded(ctx context.Context) error {
	var keys []string
	for _, w := range r.x.workspaceScopes(&r.scope) {
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
			// It is told of when the version is written.
			r.x.notAdded[key] = err
			continue
		}
		list, err := r.projectsOf(ctx, e.Workspace)
		if err != nil {
			return err
		}
		for i := range list {
			if sameProject(e, &list[i]) {
				r.project(&list[i]).add(newListed(e))
			}
		}
	}
	return nil
}

// neededKeys returns the experiments that artifact and model versions in scope
// come from.
func (x *Exporter) neededKeys(ctx context.Context, w *workspaceScope) (keys []string, err error) {
	err = x.eachVersion(ctx, w, func(a *comet.Artifact, v *comet.ArtifactVersion) error {
		details, err := x.client.Artifacts.Version(ctx, comet.VersionQuery{Workspace: w.name, Name: a.Name, Version: v.Version})
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
	}, unlessFatal) // what comes from it is told of when the version is written
	return keys, err
}

// unlessFatal drops the errors that are of one item.
func unlessFatal(err error) error {
	if judge.Fatal(err) {
		return err
	}
	return nil
}

// eachVersion calls the functions for the artifact and model versions in scope,
// and fail with the error for what cannot be had, or of one of them. An error of
// fail ends it.
func (x *Exporter) eachVersion(ctx context.Context, w *workspaceScope, artifact func(*comet.Artifact, *comet.ArtifactVersion) error,
	model func(*comet.RegistryModel, *comet.RegistryVersion) error, fail func(error) error) error {
	err := eachPicked(ctx, w, &w.artifacts, x.artifacts, artifactName, func(a *comet.Artifact, want []string) error {
		list, err := x.artifactVersions(ctx, &Path{Workspace: w.name, Name: a.Name})
		return eachInScope(list, err, want, artifactLabels, func(v *comet.ArtifactVersion) error { return artifact(a, v) }, fail)
	})
	if err != nil {
		if err = fail(err); err != nil {
			return err
		}
	}
	err = eachPicked(ctx, w, &w.models, x.models, modelName, func(m *comet.RegistryModel, want []string) error {
		list, err := x.modelVersions(ctx, &Path{Workspace: w.name, Name: m.Name})
		return eachInScope(list, err, want, modelLabels, func(v *comet.RegistryVersion) error { return model(m, v) }, fail)
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

// eachInScope calls f for the versions in scope of a list, unless that could not
// be had because of err, and fail for what goes wrong.
func eachInScope[T any](list []T, err error, want []string, labels func(*T) (string, []string), f func(*T) error, fail func(error) error) error {
	if err == nil {
		list, err = inScope(list, want, labels)
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

// estimateWorkspaces adds what belongs to workspaces to an estimate.
func (x *Exporter) estimateWorkspaces(ctx context.Context, s *scope, e *Estimate) error {
	for _, w := range x.workspaceScopes(s) {
		e.Requests += 3
		for _, p := range w.pages {
			// Each experiment is asked for its views, and those of the project are
			// in two tables.
			e.Requests += 2 + p.chosen
		}
		for _, p := range s.projects {
			// Each experiment is asked for what it consumed.
			if p.Workspace == w.name && !w.artifacts.empty() {
				e.Requests += p.count
			}
		}
		err := x.eachVersion(ctx, &w, func(a *comet.Artifact, v *comet.ArtifactVersion) error {
			if !x.o.Selection.Shard.Has(a.Name) {
				return nil
			}
			files, err := x.client.Artifacts.Files(ctx, w.name, a.Name, v.Version)
			if err != nil {
				return err
			}
			e.Requests += 3
			e.UpperBound += boundAsset
			for i := range files {
				e.Assets++
				e.UpperBound += boundAsset + files[i].Size + files[i].Size>>8
				if !files[i].Remote {
					e.Requests++
					e.AssetBytes += files[i].Size
				}
			}
			return nil
		}, func(m *comet.RegistryModel, _ *comet.RegistryVersion) error {
			if !x.o.Selection.Shard.Has(m.Name) {
				return nil
			}
			e.Requests += 3
			e.UpperBound += boundAsset
			return nil
		}, func(err error) error {
			e.Failed++
			return unlessFatal(err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// listSpecial lists artifacts (type, project), their versions (id, state,
// aliases), registry models, their versions (id, experiment, stages), or
// panels (id).
func (x *Exporter) listSpecial(ctx context.Context, p Path, yield func(listing.Entry) error) error {
	r := newResolver(x)
	if err := r.checkSpecial(ctx, &p); err != nil {
		return err
	}
	w := workspaceScope{name: p.Workspace}
	prefix := p.Workspace + "/" + p.Kind + "/"
	switch {
	case p.Kind == pathPanels:
		list, err := x.panels(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = yield(entry(string(stream.KindPanel), prefix+pathname.Escape(list[i].Name), list[i].ID))
		}
		return err
	case p.Name == "" && p.Kind == pathArtifacts:
		list, err := x.artifacts(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = yield(entry(string(stream.KindArtifact), prefix+pathname.Escape(list[i].Name), list[i].ID, "type", list[i].Type, "project", list[i].Project))
		}
		return err
	case p.Name == "":
		list, err := x.models(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = yield(entry(string(stream.KindModel), prefix+pathname.Escape(list[i].Name), list[i].ID))
		}
		return err
	case p.Kind == pathArtifacts:
		w.artifacts.add(&p)
	default:
		w.models.add(&p)
	}
	return x.eachVersion(ctx, &w, func(a *comet.Artifact, v *comet.ArtifactVersion) error {
		state := ""
		if v.State != nil {
			state = *v.State
		}
		return yield(entry(string(stream.KindArtifactVersion), prefix+pathname.Escape(a.Name)+"/"+v.Version, v.ID, "state", state, "aliases", strings.Join(v.Aliases, " ")))
	}, func(m *comet.RegistryModel, v *comet.RegistryVersion) error {
		return yield(entry(string(stream.KindModelVersion), prefix+pathname.Escape(m.Name)+"/"+v.Version, v.ID, "experiment", v.Key, "stages", strings.Join(v.Stages, " ")))
	}, func(err error) error { return err })
}

// entry returns the entry of something in a workspace: its path and id, and more
// fields by name and value.
func entry(kind, path, id string, more ...string) listing.Entry {
	e := listing.Entry{Kind: kind, Fields: []listing.Field{{Name: "path", Value: path}, {Name: "id", Value: listing.Optional(id)}}}
	for i := 0; i+1 < len(more); i += 2 {
		e.Fields = append(e.Fields, listing.Field{Name: more[i], Value: listing.Optional(more[i+1])})
	}
	return e
}
