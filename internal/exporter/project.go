package exporter

import (
	"context"
	"errors"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// projectUnit writes the record that begins a project.
type projectUnit struct {
	x     *Exporter
	p     *find.Project
	links *prefetch.Value[int64] // how many share links it has; nil where that is not asked for
}

func (u *projectUnit) begin(q *prefetch.Queue, n int) {
	if u.p.Err != nil || !u.x.o.Resources.Has(stream.ResourceProjectMetadata) || !u.x.o.Selection.Shard.First() {
		return
	}
	u.links = prefetch.NewValue(q, prefetch.Position{Unit: n}, func(ctx context.Context, _ *prefetch.Slot) (int64, error) {
		links, err := u.x.client.Projects.ShareLinks(ctx, u.p.ID)
		if errors.Is(err, comet.ErrForbidden) {
			// That is no reason to call the stream incomplete, as it is for
			// other items, and so is not relied on at once.
			links, err = u.x.client.Projects.ShareLinks(ctx, u.p.ID)
		}
		return links, err
	})
	q.Push(u.links.Slot)
}

func (u *projectUnit) end() {
	if u.links != nil {
		u.links.Leave()
	}
}

func (u *projectUnit) write(ctx context.Context, out *output) error {
	p := u.p
	if p.Err != nil {
		return u.skip(out, p.Name, p.Err)
	}
	rec := &stream.Project{Workspace: judge.Valid(p.Workspace), Name: judge.Valid(p.Name), Experiments: p.Count}
	var lost error
	if u.x.o.Resources.Has(stream.ResourceProjectMetadata) {
		// No server is known to have them here. If one did, they would be
		// credentials.
		doc, err := document(p.Raw, "shareCodes")
		if err != nil {
			return err // it came as JSON, and is small
		}
		rec.Doc, rec.Public = doc, p.Public
		if rec.ShareLinks, lost = u.shareLinks(ctx); lost != nil && judge.Fatal(lost) {
			return lost
		}
	}
	u.x.sum.Projects++
	err := u.record(out, rec)
	if err == nil {
		err = u.skip(out, "experiments", p.Doubt)
	}
	if err == nil {
		err = u.skip(out, "share links", lost)
	}
	return err
}

// shareLinks returns how many share links the project has, nil where the server
// does not tell: older ones have none, and not every key may see them. That is
// no loss, and is reported once.
func (u *projectUnit) shareLinks(ctx context.Context) (*int64, error) {
	if u.links == nil {
		return nil, nil // another shard tells
	}
	n, err := u.links.Get(ctx)
	switch {
	case err == nil:
		return &n, nil
	case judge.Unsupported(err), errors.Is(err, comet.ErrForbidden), judge.Absence(stream.KindProject, err):
		u.x.find.ReportLacking("share links", err)
		return nil, nil
	}
	return nil, err
}

// record writes the record, without its document where that is too large.
func (u *projectUnit) record(out *output, rec *stream.Project) error {
	err := out.write(rec)
	if _, tooLarge := err.(*judge.ItemError); !tooLarge {
		return err
	}
	rec.Doc = nil
	if err := out.write(rec); err != nil {
		return err
	}
	return u.skip(out, "metadata", err)
}

// skip writes that the project, or something of it, is missing because of err.
func (u *projectUnit) skip(out *output, name string, err error) error {
	return out.skip(judge.Item{Kind: stream.KindProject, Workspace: u.p.Workspace, Project: u.p.Name, ID: u.p.ID, Name: name}, err)
}

// notesUnit carries the notes of a project.
type notesUnit struct {
	x    *Exporter
	p    *find.Project
	text *prefetch.Text
}

func (u *notesUnit) begin(q *prefetch.Queue, n int) {
	u.text = prefetch.NewText(q, prefetch.Position{Unit: n}, func(ctx context.Context) (*comet.Text, error) {
		return u.x.client.Projects.Notes(ctx, u.p.ID)
	})
	q.Push(u.text.Slot)
}

func (u *notesUnit) end() { u.text.Leave() }

func (u *notesUnit) write(ctx context.Context, out *output) error {
	err := u.text.Each(ctx, func(data []byte, more bool) error {
		return out.write(&stream.Notes{Workspace: judge.Valid(u.p.Workspace), Project: judge.Valid(u.p.Name), Data: data, More: more})
	})
	if judge.Absence(stream.KindNotes, err) {
		return nil
	}
	return out.skip(judge.Item{Kind: stream.KindNotes, Workspace: u.p.Workspace, Project: u.p.Name}, err)
}
