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
	w        *Level
	consumer string          // the experiment of the last record
	have     map[string]bool // what it has consumed at the destination, as name:version
}

// write records a consumption, unless it is recorded.
func (l *lineage) write(ctx context.Context, rec *stream.Lineage) {
	r := l.w.r
	name := rec.Artifact + ":" + rec.Version
	o := &report.Ledger{Out: report.Outcome{
		Kind: string(stream.KindLineage), SourceKey: rec.Experiment, Workspace: r.To.Workspace(rec.Workspace), Name: name,
	}}
	r.Single(o, stream.KindLineage, name, l.record(ctx, o, rec, name))
}

func (l *lineage) record(ctx context.Context, o *report.Ledger, rec *stream.Lineage, name string) error {
	r := l.w.r
	key, err := l.w.producer(ctx, &rec.Experiment, o.Out.Workspace)
	if err != nil {
		return err
	}
	o.Out.Key = key
	if l.consumer != key || l.have == nil {
		if l.have, err = l.read(ctx, key); err != nil {
			return err
		}
		l.consumer = key
	}
	return putMember(ctx, r.subject(o), report.Issue{Kind: string(stream.KindLineage), Name: name}, name, l.have,
		func(ctx context.Context) (map[string]bool, error) { return l.read(ctx, key) },
		func() error {
			q := comet.VersionQuery{Workspace: o.Out.Workspace, Name: rec.Artifact, Version: rec.Version}
			return r.Client.Artifacts.AddConsumer(ctx, q, key)
		})
}

// read returns what an experiment has consumed.
func (l *lineage) read(ctx context.Context, key string) (map[string]bool, error) {
	list, err := l.w.r.Client.Artifacts.Lineage(ctx, key)
	if err != nil && !answer.Absent(err) {
		return nil, fmt.Errorf("read: %w", err)
	}
	have := make(map[string]bool, len(list))
	for _, x := range list {
		have[x.Name+":"+x.Version] = true
	}
	return have, nil
}
