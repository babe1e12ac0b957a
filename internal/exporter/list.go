package exporter

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/stream"
)

// List yields what a path contains, one entry after the other, of whose fields
// the first is the full path: the workspaces for an empty path, the projects of a
// workspace (id, number of experiments, visibility), the experiments of a project
// (key, start, end, state, name). A *KeysError or *selection.NothingError comes
// after all entries.
func (x *Exporter) List(ctx context.Context, p find.Path, yield func(listing.Entry) error) error {
	switch {
	case p.Workspace == "":
		names, err := x.client.Workspaces.List(ctx)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		slices.Sort(names)
		for _, name := range names {
			if err := yield(listing.Entry{Kind: "workspace", Fields: []listing.Field{{Name: "path", Value: name}}}); err != nil {
				return err
			}
		}
		return nil
	case p.Kind != "":
		return x.listSpecial(ctx, p, yield)
	case p.Project == "":
		err := x.listProjects(ctx, p.Workspace, yield)
		if p.MayBeKey(err) {
			return x.listExperiments(ctx, p, yield)
		}
		return err
	}
	return x.listExperiments(ctx, p, yield)
}

func (x *Exporter) listProjects(ctx context.Context, workspace string, yield func(listing.Entry) error) error {
	r := find.NewResolver(x.find)
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
		if err := yield(listing.Entry{Kind: string(stream.KindProject), Fields: fields}); err != nil {
			return err
		}
	}
	return nil
}

func (x *Exporter) listExperiments(ctx context.Context, p find.Path, yield func(listing.Entry) error) error {
	s, err := x.find.ResolveAll(ctx, []find.Path{p})
	if err != nil {
		return err
	}
	proj := s.Projects[0]
	selected, left, err := x.find.Selected(ctx, proj)
	if err != nil {
		return fmt.Errorf("list experiments of %q: %w", proj.Path(), err)
	}
	x.find.ReportIncomplete(proj)
	proj.Keep(selected, left, x.o.Selection.Shard)
	for _, e := range proj.Experiments {
		fields := []listing.Field{
			{Name: "path", Value: proj.Path() + "/" + e.Key}, {Name: "key", Value: e.Key},
			{Name: "start", Value: listing.Time(e.Start)}, {Name: "end", Value: listing.Time(e.End)},
			{Name: "state", Value: listing.State(e.Running, e.Crashed, e.Archived)}, {Name: "name", Value: listing.Optional(e.Name)},
		}
		if err := yield(listing.Entry{Kind: string(stream.KindExperiment), Fields: fields}); err != nil {
			return err
		}
	}
	return x.notFound()
}
