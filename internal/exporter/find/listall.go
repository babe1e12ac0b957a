package find

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/comet-stream/comet-stream/internal/exporter/judge"
)

// ListAll lists the projects, several at a time, and those again that have more
// experiments by then than were listed: what is moved from one to another while they
// are listed may be in no listing. A listing that fails in a
// workspace of many projects is no reason to give up the others.
func (x *Finder) ListAll(ctx context.Context, projects []*Project) error {
	x.useListed(projects)
	err := x.listEach(ctx, projects, func(p *Project, err error) error {
		if len(projects) == 1 {
			return fmt.Errorf("list experiments of %q: %w", p.Path(), err)
		}
		p.Keep(nil, 0, x.o.Selection.Shard)
		p.Err = err
		return nil
	})
	if err != nil {
		return err
	}
	again, err := x.grown(ctx, projects)
	if err == nil {
		err = x.listEach(ctx, again, func(p *Project, err error) error {
			p.Doubt = err // what was listed before is kept
			return nil
		})
	}
	if err == nil && x.o.Recheck > 0 {
		x.recheck(projects)
	}
	return err
}

// listEach lists projects, and leaves to fail what to do about an error of one listing.
func (x *Finder) listEach(ctx context.Context, projects []*Project, fail func(*Project, error) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, min(x.o.InFlight, 4)))
	for _, p := range projects {
		g.Go(func() error {
			before := p.Count
			selected, left, err := x.Selected(ctx, p)
			switch {
			case err == nil:
				p.Keep(selected, left, x.o.Selection.Shard)
			case judge.Fatal(err):
				return fmt.Errorf("list experiments of %q: %w", p.Path(), err)
			default:
				return fail(p, err)
			}
			if x.listed.Add(p.Count-before) > maxListed && p.Count > 0 {
				p.Experiments, p.Kept = nil, false
			}
			return nil
		})
	}
	return g.Wait()
}

// grown returns those of the listed projects that have more experiments now than were
// listed. Where the server does not tell, none is known to have.
func (x *Finder) grown(ctx context.Context, projects []*Project) (grown []*Project, err error) {
	if len(projects) < 2 {
		return nil, nil
	}
	now := make(map[string]map[string]*int64) // by workspace and id
	for _, p := range projects {
		if !p.All || p.ByList || p.Err != nil || p.Doubt != nil {
			continue
		}
		if now[p.Workspace] == nil {
			list, err := x.client.Projects.List(ctx, p.Workspace)
			if err != nil && judge.Fatal(err) {
				return nil, fmt.Errorf("list projects of %q: %w", p.Workspace, err)
			}
			counts := make(map[string]*int64, len(list))
			for i := range list {
				counts[list[i].ID] = list[i].Experiments
			}
			now[p.Workspace] = counts
		}
		if n := now[p.Workspace][p.ID]; n != nil && *n > p.Chosen+p.NotSelected+p.Unchanged {
			p.Project.Experiments = n
			grown = append(grown, p)
		}
	}
	return grown, nil
}
