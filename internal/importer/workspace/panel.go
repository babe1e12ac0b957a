package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/internal/unpack"
	"github.com/comet-stream/comet-stream/stream"
)

// panels writes the custom panels of a workspace.
type panels struct {
	w     *Level
	open  *spool.Spool // that goes on
	lists map[string][]comet.Panel
	ids   map[string]string // of the source: those of the destination
	taken map[string]bool   // ids of the destination that stand for one of the stream
}

func (p *panels) take(ctx, workCtx context.Context, rec *stream.Panel) error {
	r := p.w.r
	o := &report.Ledger{Out: report.Outcome{Kind: string(stream.KindPanel), Workspace: r.To.Workspace(rec.Workspace), Name: rec.Name}}
	whole, err := content.Part(ctx, r.Spools, &p.open, rec.Data, rec.More)
	switch {
	case errors.Is(err, spool.ErrOverBudget):
		err = answer.Limitf("%v", err)
	case err != nil || whole == nil:
		return err
	default:
		defer whole.Close()
		err = p.write(workCtx, o, rec, whole)
	}
	r.Single(o, rec.Name, err)
	return nil
}

func (p *panels) Drop() {
	p.open.Close()
	p.open = nil
}

// write writes a panel, unless one of the name is there.
func (p *panels) write(ctx context.Context, o *report.Ledger, rec *stream.Panel, file *spool.Spool) error {
	r := p.w.r
	list, err := remember(p.lists, o.Out.Workspace, func() ([]comet.Panel, error) { return p.list(ctx, o.Out.Workspace) })
	if err != nil {
		return err
	}
	var known existingPanel
	if known.id, known.identical, err = p.find(ctx, list, rec.Name, file); err != nil {
		return err
	}
	p.claim(rec.ID, known.id)
	issue := report.Issue{Kind: string(stream.KindPanel), Name: rec.Name}
	return reconcile.Put(ctx, r.subject(o), &reconcile.Item[existingPanel]{
		Issue: issue,
		Known: func() existingPanel { return known },
		Read: func(ctx context.Context) (have existingPanel, err error) {
			have.id = p.ids[rec.ID]
			have.identical, err = p.same(ctx, have.id, file)
			return have, err
		},
		Compare: func(have existingPanel) []reconcile.Difference {
			if have.identical {
				return nil
			}
			return reconcile.Differs(issue, have.id == "", "%s", otherOfName(have.id != ""))
		},
		Write: func(ctx context.Context, f reconcile.Found[existingPanel]) error {
			id, err := p.upload(ctx, o.Out.Workspace, rec.Name, f.Have.id, file)
			if err == nil {
				p.claim(rec.ID, id)
				p.lists[o.Out.Workspace] = append(p.lists[o.Out.Workspace], comet.Panel{ID: id, Name: rec.Name})
			}
			return err
		},
		NoReadBack: true, // the writing looks for itself
	})
}

// existingPanel is a panel of the destination, and whether it has the entries of that
// of the stream.
type existingPanel struct {
	id        string
	identical bool
}

// claim notes the panel of the destination that stands for one of the stream.
func (p *panels) claim(source, id string) {
	p.ids[source] = id
	if id != "" {
		p.taken[id] = true
	}
}

func (p *panels) list(ctx context.Context, workspace string) ([]comet.Panel, error) {
	list, err := p.w.r.Client.Panels.List(ctx, workspace)
	if err != nil && !answer.Absent(err) {
		return nil, fmt.Errorf("list panels: %w", err)
	}
	return list, nil
}

// find looks for a panel of a name that stands for no other of the stream, rather
// for one with the same content.
func (p *panels) find(ctx context.Context, list []comet.Panel, name string, file *spool.Spool) (id string, same bool, err error) {
	for _, x := range list {
		if x.Name != name || p.taken[x.ID] {
			continue
		}
		same, err := p.same(ctx, x.ID, file)
		if err != nil {
			return "", false, fmt.Errorf("read: %w", err)
		}
		if same {
			return x.ID, true, nil
		}
		if id == "" {
			id = x.ID
		}
	}
	return id, false, nil
}

func (p *panels) upload(ctx context.Context, workspace, name, id string, file *spool.Spool) (made string, err error) {
	c := p.w.r.Client
	err = p.w.r.Once(ctx, func(ctx context.Context) (err error) {
		made, err = c.Panels.Upload(ctx, workspace, id, content.TextOf(file).Content())
		return err
	}, func() (same bool, err error) {
		list, err := p.list(ctx, workspace)
		if err != nil {
			return false, err
		}
		made, same, err = p.find(ctx, list, name, file)
		return same, err
	})
	return made, err
}

// same reports whether a panel of the destination has the entries of a file. When
// and how they were packed does not count.
func (p *panels) same(ctx context.Context, id string, file *spool.Spool) (same bool, err error) {
	err = p.w.r.ReadStable(ctx, func() (err error) {
		same, err = p.sameOnce(ctx, id, file)
		return err
	})
	return same, err
}

func (p *panels) sameOnce(ctx context.Context, id string, file *spool.Spool) (bool, error) {
	rc, err := p.w.r.Client.Panels.File(ctx, id)
	if err != nil {
		return false, err
	}
	defer rc.Close()
	have, err := p.w.r.Spools.Open(ctx, -1)
	if err != nil {
		return false, err
	}
	defer have.Close()
	if _, err := io.Copy(have, struct{ io.Reader }{rc}); err != nil {
		return false, err
	}
	return have.SHA256() == file.SHA256() || sameZip(have, file), nil
}

func sameZip(a, b *spool.Spool) bool {
	x, ok := zipSums(a)
	y, ok2 := zipSums(b)
	return ok && ok2 && maps.Equal(x, y)
}

func zipSums(s *spool.Spool) (map[string]uint64, bool) {
	zr, err := unpack.OpenZip(s, s.Size)
	if err != nil {
		return nil, false
	}
	sums := make(map[string]uint64, len(zr.File))
	for _, f := range zr.File {
		sums[f.Name] = uint64(f.CRC32)<<32 ^ f.UncompressedSize64
	}
	return sums, true
}
