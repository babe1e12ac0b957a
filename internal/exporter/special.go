package exporter

import (
	"context"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/internal/pathname"
	"github.com/comet-stream/comet-stream/stream"
)

// estimateWorkspaces adds what belongs to workspaces to an estimate.
func (x *Exporter) estimateWorkspaces(ctx context.Context, s *find.Scope, e *Estimate) error {
	for _, w := range x.find.WorkspaceScopes(s) {
		e.Requests += 3
		for _, p := range w.Pages {
			// Each experiment is asked for its views, and those of the project are
			// in two tables.
			e.Requests += 2 + p.Chosen
		}
		for _, p := range s.Projects {
			// Each experiment is asked for what it consumed.
			if p.Workspace == w.Name && !w.Artifacts.Empty() {
				e.Requests += p.Count
			}
		}
		err := x.find.EachVersion(ctx, &w, func(a *comet.Artifact, v *comet.ArtifactVersion) error {
			if !x.o.Selection.Shard.Has(a.Name) {
				return nil
			}
			files, err := x.client.Artifacts.Files(ctx, w.Name, a.Name, v.Version)
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
			return find.UnlessFatal(err)
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
func (x *Exporter) listSpecial(ctx context.Context, p find.Path, yield func(listing.Entry) error) error {
	r := find.NewResolver(x.find)
	if err := r.CheckSpecial(ctx, &p); err != nil {
		return err
	}
	w := find.Workspace{Name: p.Workspace}
	prefix := p.Workspace + "/" + p.Kind + "/"
	switch {
	case p.Kind == find.PathPanels:
		list, err := x.find.Panels(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = yield(entry(string(stream.KindPanel), prefix+pathname.Escape(list[i].Name), list[i].ID))
		}
		return err
	case p.Name == "" && p.Kind == find.PathArtifacts:
		list, err := x.find.Artifacts(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = yield(entry(string(stream.KindArtifact), prefix+pathname.Escape(list[i].Name), list[i].ID, "type", list[i].Type, "project", list[i].Project))
		}
		return err
	case p.Name == "":
		list, err := x.find.Models(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = yield(entry(string(stream.KindModel), prefix+pathname.Escape(list[i].Name), list[i].ID))
		}
		return err
	case p.Kind == find.PathArtifacts:
		w.Artifacts.Add(&p)
	default:
		w.Models.Add(&p)
	}
	return x.find.EachVersion(ctx, &w, func(a *comet.Artifact, v *comet.ArtifactVersion) error {
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
