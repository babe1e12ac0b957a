package workspace

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// links makes experiments appear in further projects of their workspace.
type links struct {
	w    *Level
	list map[place.Project]map[string]bool // keys that a project of the destination lists
}

func (l *links) write(ctx context.Context, rec *stream.Link) {
	r := l.w.r
	to := r.To.Target(place.Project{Workspace: rec.Workspace, Name: rec.Project})
	o := report.Ledger{Out: report.Outcome{Kind: string(stream.KindLink), SourceKey: rec.Experiment, Workspace: to.Workspace, Project: to.Name}}
	r.Single(&o, rec.Experiment, l.link(ctx, &o, rec.Experiment, to))
}

func (l *links) link(ctx context.Context, o *report.Ledger, source string, to place.Project) error {
	r := l.w.r
	key, err := l.w.producer(ctx, &source, to.Workspace)
	if err != nil {
		return err
	}
	o.Out.Key = key
	listed, err := remember(l.list, to, func() (map[string]bool, error) { return l.read(ctx, to) })
	if err != nil {
		return err
	}
	return putMember(ctx, r.subject(o), report.Issue{Kind: string(stream.KindLink), ID: key}, key, listed,
		func(ctx context.Context) (map[string]bool, error) { return l.read(ctx, to) },
		func() error { return r.Client.Projects.Symlink(ctx, key, to.Name) })
}

func (l *links) read(ctx context.Context, p place.Project) (map[string]bool, error) {
	keys := make(map[string]bool)
	for x, err := range l.w.r.Client.Experiments.List(ctx, comet.Listing{Workspace: p.Workspace, Project: p.Name}) {
		if answer.Absent(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		keys[x.Key] = true
	}
	return keys, nil
}
