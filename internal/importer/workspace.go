package importer

import (
	"context"

	"github.com/comet-stream/comet-stream/stream"
)

// workspace takes what comes after the projects of a stream: the kinds of a
// workspace, which refer to experiments.
type workspace struct {
	r     *run
	links links
}

// workspaceLevel takes a record that comes after the projects. All experiments
// are done then.
func (d *dispatcher) workspaceLevel(ctx, work context.Context, rec stream.Record) error {
	if d.late == nil {
		d.closeProject(work)
		if err := d.r.rest(ctx); err != nil {
			return err
		}
		d.late = &workspace{r: d.r, links: links{r: d.r}}
	}
	switch rec := rec.(type) {
	case *stream.Link:
		return d.late.links.write(work, rec)
	}
	d.unknown(rec.Kind())
	return nil
}

// rest waits until nothing is under way.
func (r *run) rest(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.working.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
