package exporter

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// List yields what there is at a path, one entry after the other, as fields of
// which the first is the full path: the workspaces for an empty path, the
// projects of a workspace (id, number of experiments, visibility), the
// experiments of a project (key, start, end, state, name). An absent field is
// empty. A *KeysError or *selection.NothingError comes after all entries.
func (x *Exporter) List(ctx context.Context, p Path, yield func(fields []string) error) error {
	switch {
	case p.Workspace == "":
		names, err := x.client.Workspaces.List(ctx)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		slices.Sort(names)
		for _, name := range names {
			if err := yield([]string{name}); err != nil {
				return err
			}
		}
		return nil
	case p.Kind != "":
		return x.listSpecial(ctx, p, yield)
	case p.Project == "":
		return x.listProjects(ctx, p.Workspace, yield)
	}
	return x.listExperiments(ctx, p, yield)
}

func (x *Exporter) listProjects(ctx context.Context, workspace string, yield func([]string) error) error {
	r := newResolver(x)
	list, err := r.projectsOf(ctx, workspace)
	if err != nil {
		return err
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b comet.Project) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range list {
		fields := []string{workspace + "/" + projectPart(p.Name), p.ID, "", ""}
		if p.Experiments != nil {
			fields[2] = strconv.FormatInt(*p.Experiments, 10)
		}
		if p.Public != nil {
			fields[3] = "private"
			if *p.Public {
				fields[3] = "public"
			}
		}
		if err := yield(fields); err != nil {
			return err
		}
	}
	return nil
}

func (x *Exporter) listExperiments(ctx context.Context, p Path, yield func([]string) error) error {
	s, err := x.resolveAll(ctx, []Path{p})
	if err != nil {
		return err
	}
	proj := s.projects[0]
	selected, left, err := x.selected(ctx, proj)
	if err != nil {
		return fmt.Errorf("list experiments of %q: %w", proj.path(), err)
	}
	x.tellDoubt(proj)
	proj.keep(selected, left, x.o.Selection.Shard)
	for _, e := range proj.experiments {
		state := "finished"
		if e.running {
			state = "running"
		}
		if e.archived {
			state = "archived"
		}
		fields := []string{proj.path() + "/" + e.key, e.key, timeText(e.start), timeText(e.end), state, e.name}
		if err := yield(fields); err != nil {
			return err
		}
	}
	return x.notFound()
}

// timeText returns a time as people and programs both read it.
func timeText(ms *int64) string {
	if ms == nil {
		return ""
	}
	return time.UnixMilli(*ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
