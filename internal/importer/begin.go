package importer

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
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
	if tags := e.Record.Tags; len(tags) > 0 && !e.expect(func(x *expectation) { x.tags = tags }) {
		e.Spawn(func() { e.Item(report.Issue{Kind: "tags"}, e.writeTags(ctx, tags)) })
	}
	if path := e.doc.FilePath; path.OK && !e.expect(func(x *expectation) { x.filePath = path.V }) {
		e.Spawn(func() { e.Item(report.Issue{Kind: "file path"}, e.writeFilePath(ctx, path.V)) })
	}
	return nil
}

// references says what becomes of the references in the experiment's assets.
func (e *experiment) references() *rewrite.References {
	refs := &rewrite.References{Key: e.r.Keys.KeyOf}
	e.source.SetAddress(refs, e.r.Client.Root())
	return refs
}

// writeTags adds the tags that are missing.
func (e *experiment) writeTags(ctx context.Context, tags []string) error {
	missing := tags
	if e.Existing != nil {
		have, err := e.r.Client.Experiments.Tags(ctx, e.Key)
		if err != nil && !answer.Absent(err) {
			return err
		}
		if missing = document.Without(tags, have); len(missing) == 0 {
			return nil
		}
	}
	if !e.r.Dry() {
		if err := e.Reopen(ctx); err != nil {
			return err
		}
		err := e.sure(ctx, func() error { return e.r.Client.Experiments.AddTags(ctx, e.Key, missing) },
			func(x *expectation) { x.tags = missing })
		if err != nil {
			return err
		}
	}
	e.Change(func(o *report.Outcome) { o.Written.Tags += int64(len(missing)) })
	return nil
}

// writeFilePath sets the path of the main file.
func (e *experiment) writeFilePath(ctx context.Context, path string) error {
	if e.Existing != nil {
		switch have := e.Existing.FilePath; {
		case have != nil && *have == path:
			return nil
		case have != nil && *have != "" && !e.StreamWins:
			e.Differs(report.Issue{Kind: "file path", Reason: fmt.Sprintf("%q in the stream, %q at the destination", path, *have)})
			return nil
		}
	}
	write := func() error { return e.r.Client.Texts.WriteFilePath(ctx, e.Key, path) }
	return e.Write(ctx, "file path", func() error {
		if path == "" {
			return write() // a reading may not tell it from none
		}
		return e.sure(ctx, write, func(x *expectation) { x.filePath = path })
	})
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
