package exporter

import (
	"cmp"
	"context"

	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/stream"
)

// writeHead writes the record that opens the group.
func (u *experimentUnit) writeHead(ctx context.Context, out *output, m *metadata) error {
	var others []namedDoc
	if u.others != nil {
		others, _ = u.others.Get(ctx) // writeValues reports the error
	}
	rec := &stream.Experiment{
		Key: u.l.Key, Workspace: judge.Valid(u.p.Workspace), Project: judge.Valid(u.p.Name),
		Archived: u.l.Archived, Running: m.Running, Crashed: m.Crashed,
		Start: cmp.Or(m.Start, u.l.Start), End: cmp.Or(m.End, u.l.End),
		Name: nameOf(others, m.Name, u.l.Name),
	}
	switch {
	case m.doc.Member("archived") != nil:
		rec.Archived = m.Archived
	case u.l.Stateless:
		return judge.ItemErrorf("neither its metadata nor the list of keys say whether it is archived: make the list with -l")
	}
	var tagsErr error
	if u.tags != nil {
		rec.Doc, rec.Tags = m.doc, []string{}
		var tags []string
		if tags, tagsErr = u.tags.Get(ctx); tagsErr == nil {
			rec.Tags = sortedTags(tags)
		}
	}
	if rec.Name != nil {
		u.res.Name = *rec.Name
	}
	u.res.Archived, u.res.Running = rec.Archived, rec.Running
	if err := out.write(rec); err != nil {
		return err
	}
	u.x.seen[u.l.Key] = struct{}{}
	in := u.p.InStream()
	u.x.exported[in] = append(u.x.exported[in], u.l.Key)
	if rec.Running {
		out.warn("experiment %q is running: what it logs from now on is not in the stream", u.l.Key)
	}
	return u.absentOrSkip(ctx, out, stream.KindExperiment, "tags", tagsErr) // there is no kind for them
}

// nameOf returns the name of an experiment: its other "Name", which is what
// the server shows, or else what the metadata or the listing say.
func nameOf(others []namedDoc, name *string, listed string) *string {
	for _, o := range others {
		if o.name == "Name" {
			if text, ok := o.doc.Member("valueCurrent").Text(); ok {
				return &text
			}
		}
	}
	if name != nil {
		return judge.TextOrNil(*name)
	}
	return judge.TextOrNil(listed)
}
