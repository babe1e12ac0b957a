package importer

import (
	"context"
	"errors"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/overview"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
)

// openListed opens an experiment that the listing of the target project shows as an
// import of the stream leaves it. It reports whether there is one: in all other cases
// the experiment itself is asked.
func (e *opening) openListed(ctx context.Context) bool {
	if e.Expecting {
		return false // everything is asked for
	}
	p := e.project
	x := e.r.overview.Project(p.Target, p.Planned, p.Has).Take(ctx, e.Key)
	if x == nil || !e.isLeftSo(x) {
		return false
	}
	if e.Record.Crashed != nil && x.Crashed == nil {
		// Listings may leave it out.
		existing, err := e.confirm(ctx, x)
		if err != nil || len(e.compare(existing)) > 0 {
			return false
		}
	}
	e.Listed, e.Existing, e.StreamWins = x, &x.Experiment, e.Update
	e.Confirm = func(ctx context.Context) error {
		_, err := e.confirm(ctx, x)
		return err
	}
	return true
}

// isLeftSo reports whether the listing shows everything of an experiment as it is in
// the stream: the times above all, which an import sets last.
func (e *opening) isLeftSo(x *overview.Experiment) bool {
	rec := e.Record
	return rec.Start != nil && rec.End != nil && !rec.Running && place.Project{Workspace: x.Workspace, Name: x.Project} == e.project.Target &&
		(rec.Name == nil || reconcile.Equal(rec.Name, x.Name)) && len(e.compare(&x.Experiment)) == 0
}

// confirm asks an experiment that was listed itself, as it must be before the first
// write to it: it may be a link to one in another project, or have changed since.
func (e *opening) confirm(ctx context.Context, x *overview.Experiment) (*comet.Experiment, error) {
	existing, err := e.metadata(ctx, e.Key)
	if err != nil {
		return nil, err
	}
	ours, err := e.inTarget(ctx, existing)
	switch {
	case err != nil:
		return nil, err
	case !ours:
		return nil, &keyError{e.Key, fmt.Sprintf("the destination has it in %q, and a link to it in %q", place.Project{Workspace: existing.Workspace, Name: existing.Project}, e.project.Target)}
	case !reconcile.Equal(existing.Start, x.Start) || !reconcile.Equal(existing.End, x.End):
		return nil, errors.New("its times have changed since its project was listed: run the import again")
	}
	return existing, nil
}
