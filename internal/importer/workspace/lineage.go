package workspace

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// lineage records which artifact versions experiments have consumed.
type lineage struct {
	w  *Level
	of consumption
	// have is what that experiment has consumed of that workspace at the
	// destination, as name:version.
	have map[string]bool
}

// consumption is the experiment of the last record and the workspace that the
// artifact is of: another one may have the same version of the same name.
type consumption struct{ experiment, workspace string }

func (l *lineage) write(ctx context.Context, rec *stream.Lineage) {
	r := l.w.r
	name := rec.Artifact + ":" + rec.Version
	o := &report.Ledger{Out: report.Outcome{
		Kind: string(stream.KindLineage), SourceKey: rec.Experiment, Workspace: r.To.Workspace(rec.Workspace), Name: name,
	}}
	r.Single(o, name, l.record(ctx, o, rec, name))
}

func (l *lineage) record(ctx context.Context, o *report.Ledger, rec *stream.Lineage, name string) error {
	r := l.w.r
	consumer, err := l.w.experiment(ctx, rec.Experiment)
	if err != nil {
		return err
	}
	key := consumer.Key
	o.Out.Key = key
	of := consumption{key, o.Out.Workspace}
	if l.of != of || l.have == nil {
		if l.have, err = l.read(ctx, of); err != nil {
			return err
		}
		l.of = of
	}
	return putMember(ctx, r.subject(o), report.Issue{Kind: string(stream.KindLineage), Name: name}, name, l.have,
		func(ctx context.Context) (map[string]bool, error) { return l.read(ctx, of) },
		func() error {
			q := comet.VersionQuery{Workspace: o.Out.Workspace, Name: rec.Artifact, Version: rec.Version}
			return r.Client.Artifacts.AddConsumer(ctx, q, key)
		})
}

// read returns what an experiment has consumed of a workspace, and of one that the
// server does not name.
func (l *lineage) read(ctx context.Context, of consumption) (map[string]bool, error) {
	list, err := l.w.r.Client.Artifacts.Lineage(ctx, of.experiment)
	if err != nil && !answer.Absent(err) {
		return nil, fmt.Errorf("read: %w", err)
	}
	have := make(map[string]bool, len(list))
	for _, x := range list {
		if x.Workspace == "" || x.Workspace == of.workspace {
			have[x.Name+":"+x.Version] = true
		}
	}
	return have, nil
}
