package exporter

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/internal/pathname"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// List yields what a path contains, one entry after the other, of whose fields
// the first is the full path: the workspaces for an empty path, the projects of a
// workspace (id, number of experiments, visibility), the experiments of a project
// (key, start, end, state, name). A *KeysError or *selection.NothingError comes
// after all entries.
func List(ctx context.Context, o Options, p find.Path, yield func(listing.Entry) error) error {
	o = o.withDefaults()
	l := &lister{o.Client, o.finder(), o.Selection.Shard, yield}
	switch {
	case p.Workspace == "":
		names, err := l.client.Workspaces.List(ctx)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		slices.Sort(names)
		for _, name := range names {
			if err := l.yield(listing.Entry{Kind: "workspace", Fields: []listing.Field{{Name: "path", Value: name}}}); err != nil {
				return err
			}
		}
		return nil
	case p.Kind != "":
		return l.special(ctx, p)
	case p.Project == "":
		err := l.projects(ctx, p.Workspace)
		if p.MayBeKey(err) {
			return l.experiments(ctx, p)
		}
		return err
	}
	return l.experiments(ctx, p)
}

// A lister is one run of List.
type lister struct {
	client *comet.Client
	find   *find.Finder
	shard  selection.Shard
	yield  func(listing.Entry) error
}

func (l *lister) projects(ctx context.Context, workspace string) error {
	r := find.NewResolver(l.find)
	list, err := r.ProjectsOf(ctx, workspace)
	if err != nil {
		return err
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b comet.Project) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range list {
		fields := []listing.Field{
			{Name: "path", Value: workspace + "/" + find.ProjectPart(p.Name)}, {Name: "id", Value: listing.Optional(p.ID)}, {Name: "experiments"}, {Name: "visibility"},
		}
		if p.Experiments != nil {
			fields[2].Value = *p.Experiments
		}
		if p.Public != nil {
			fields[3].Value = "private"
			if *p.Public {
				fields[3].Value = "public"
			}
		}
		if err := l.yield(listing.Entry{Kind: string(stream.KindProject), Fields: fields}); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) experiments(ctx context.Context, p find.Path) error {
	s, err := l.find.ResolveAll(ctx, []find.Path{p})
	if err != nil {
		return err
	}
	proj := s.Projects[0]
	selected, left, err := l.find.Selected(ctx, proj)
	if err != nil {
		return fmt.Errorf("list experiments of %q: %w", proj.Path(), err)
	}
	l.find.ReportIncomplete(proj)
	proj.Keep(selected, left, l.shard)
	for _, e := range proj.Experiments {
		fields := []listing.Field{
			{Name: "path", Value: proj.Path() + "/" + e.Key}, {Name: "key", Value: e.Key},
			{Name: "start", Value: listing.Time(e.Start)}, {Name: "end", Value: listing.Time(e.End)},
			{Name: "state", Value: listing.State(e.Running, e.Crashed, e.Archived)}, {Name: "name", Value: listing.Optional(e.Name)},
		}
		if err := l.yield(listing.Entry{Kind: string(stream.KindExperiment), Fields: fields}); err != nil {
			return err
		}
	}
	return l.find.NotFound()
}

// special lists artifacts (type, project), their versions (id, state,
// aliases), registry models, their versions (id, experiment, stages), or
// panels (id).
func (l *lister) special(ctx context.Context, p find.Path) error {
	r := find.NewResolver(l.find)
	if err := r.CheckSpecial(ctx, &p); err != nil {
		return err
	}
	w := find.Workspace{Name: p.Workspace}
	prefix := p.Workspace + "/" + p.Kind + "/"
	switch {
	case p.Kind == find.PathPanels:
		list, err := l.find.Panels(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = l.yield(entry(string(stream.KindPanel), prefix+pathname.Escape(list[i].Name), list[i].ID))
		}
		return err
	case p.Name == "" && p.Kind == find.PathArtifacts:
		list, err := l.find.Artifacts(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = l.yield(entry(string(stream.KindArtifact), prefix+pathname.Escape(list[i].Name), list[i].ID, "type", list[i].Type, "project", list[i].Project))
		}
		return err
	case p.Name == "":
		list, err := l.find.Models(ctx, &p)
		for i := 0; err == nil && i < len(list); i++ {
			err = l.yield(entry(string(stream.KindModel), prefix+pathname.Escape(list[i].Name), list[i].ID))
		}
		return err
	case p.Kind == find.PathArtifacts:
		w.Artifacts.Add(&p)
	default:
		w.Models.Add(&p)
	}
	return l.find.EachVersion(ctx, &w, func(a *comet.Artifact, v *comet.ArtifactVersion) error {
		state := ""
		if v.State != nil {
			state = *v.State
		}
		return l.yield(entry(string(stream.KindArtifactVersion), prefix+pathname.Escape(a.Name)+"/"+v.Version, v.ID, "state", state, "aliases", strings.Join(v.Aliases, " ")))
	}, func(m *comet.RegistryModel, v *comet.RegistryVersion) error {
		return l.yield(entry(string(stream.KindModelVersion), prefix+pathname.Escape(m.Name)+"/"+v.Version, v.ID, "experiment", v.Key, "stages", strings.Join(v.Stages, " ")))
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
