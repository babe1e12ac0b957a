package importer

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// begin starts with what the experiment record itself holds.
func (e *experiment) begin(ctx context.Context) error {
	e.assets.Start(e.references())
	if e.Existing != nil && e.r.Mode != VerifyOnly {
		e.reads.begin(func(kind stream.Kind) { e.prefetch(ctx, kind) })
	}
	if e.Derived {
		if err := e.originOther(ctx); err != nil {
			return err
		}
	}
	if e.Record.Doc == nil {
		return nil
	}
	if tags := e.Record.Tags; len(tags) > 0 {
		put(ctx, e, e.tags(tags))
	}
	if path := e.doc.FilePath; path.OK && !e.expect(func(x *expectation) { x.filePath = path.V }) {
		e.Spawn(func() { e.Item(report.Issue{Kind: "file path"}, reconcile.Put(ctx, e.Subject(), e.filePath(path.V))) })
	}
	return nil
}

// references says what becomes of the references in the experiment's assets.
func (e *experiment) references() *rewrite.References {
	refs := &rewrite.References{Key: e.r.Keys.KeyOf}
	e.source.SetAddress(refs, e.r.Client.Root())
	return refs
}

// sure is [run.sure] for a write of what note says that has to be found.
func (e *experiment) sure(ctx context.Context, write func() error, note func(*expectation)) error {
	return e.r.Sure(ctx, write, func() (bool, error) {
		v := &verification{e: e, x: newExpectation()}
		note(v.x)
		err := v.contents(ctx)
		return err == nil && len(v.found) == 0, err
	})
}
