package texts

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/semaphore"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// Texts is the way of an experiment's texts.
type Texts struct {
	*session.Experiment
	Spools *spool.Spooler
	Memory *semaphore.Weighted        // for requests that are built
	Links  func() *rewrite.References // in html; nil where they stay as they are

	open *spool.Spool // that goes on
}

// kinds says how a text is read, and how it is written as a whole.
var kinds = map[stream.Kind]struct {
	read  func(comet.Texts, context.Context, string) (*comet.Text, error)
	write func(comet.Texts, context.Context, string, comet.Content) error
}{
	stream.KindCode:  {comet.Texts.Code, comet.Texts.WriteCode},
	stream.KindGraph: {comet.Texts.Graph, comet.Texts.WriteGraph},
	stream.KindHTML: {comet.Texts.HTML, func(t comet.Texts, ctx context.Context, key string, html comet.Content) error {
		return t.WriteHTML(ctx, key, html, true, nil)
	}},
	stream.KindGitPatch: {comet.Texts.GitPatch, comet.Texts.WriteGitPatch},
	stream.KindOutput:   {comet.Texts.Output, nil}, // which can only be added to
}

// Take takes a piece of a text. With the last one the text is written
// concurrently.
func (t *Texts) Take(ctx context.Context, rec *stream.Text) error {
	whole, err := content.Part(ctx, t.Spools, &t.open, rec.Data, rec.More)
	issue := report.Issue{Kind: string(rec.Of)}
	if errors.Is(err, spool.ErrOverBudget) {
		t.Failure.Note(issue.Wrap(err), false)
		return nil
	}
	if err != nil || whole == nil {
		return err
	}
	kind, check := rec.Of, reconcile.Check(nil)
	only := t.Expect(func(ctx context.Context) ([]report.Issue, error) {
		if check == nil {
			return nil, nil
		}
		return check(ctx)
	})
	t.Tasks.Run(func() {
		text, err := t.prepare(kind, whole)
		if err == nil && (text.Size > 0 || emptyExists(kind)) {
			check = t.item(kind, text.Sum).Check
			if !only {
				err = t.put(ctx, kind, text)
			}
		}
		if p, ok := err.(*postponedError); ok {
			t.Postpone(func() { t.finishOutput(ctx, whole, text, p) })
			return
		}
		whole.Close()
		t.Item(issue, err)
	})
	return nil
}

// Drop forgets a text that has begun and does not go on.
func (t *Texts) Drop() {
	t.open.Close()
	t.open = nil
}

// emptyExists reports whether an empty text is another one than none.
func emptyExists(kind stream.Kind) bool {
	return kind != stream.KindGitPatch && kind != stream.KindOutput
}

// prepare returns a text as it is written.
func (t *Texts) prepare(kind stream.Kind, whole *spool.Spool) (content.Text, error) {
	text := content.TextOf(whole)
	if kind == stream.KindGitPatch {
		return text, nil // it goes in a zip file, and may hold any bytes
	}
	text, err := content.AsUTF8(&t.Ledger, text, report.Issue{Class: t.Class(report.Differs), Kind: string(kind)})
	if err == nil && kind == stream.KindHTML && t.Links != nil {
		text, err = text.Becomes(t.Links().Links)
	}
	return text, err
}

// item is a text but for how it is written.
func (t *Texts) item(kind stream.Kind, sum content.Sum) *reconcile.Item[content.Sum] {
	issue := report.Issue{Kind: string(kind)}
	return &reconcile.Item[content.Sum]{
		Issue: issue,
		Read: func(ctx context.Context) (content.Sum, error) {
			return t.ReadSum(ctx, func() (io.ReadCloser, error) { return kinds[kind].read(t.Client.Texts, ctx, t.Key) })
		},
		Compare: func(have content.Sum) []reconcile.Difference {
			if have == sum {
				return nil
			}
			return reconcile.Differs(issue, have.Size == 0, "%d bytes in the stream, %d different bytes at the destination", sum.Size, have.Size)
		},
		NoReadBack: sum.Size == 0, // a reading may not tell it from none
		Always:     sum.Size == 0 && t.Unfinished,
	}
}

func (t *Texts) put(ctx context.Context, kind stream.Kind, text content.Text) error {
	if kind == stream.KindOutput {
		return t.putOutput(ctx, text)
	}
	i := t.item(kind, text.Sum)
	i.Write = func(ctx context.Context, _ reconcile.Found[content.Sum]) error {
		return kinds[kind].write(t.Client.Texts, ctx, t.Key, text.Content())
	}
	err := reconcile.Put(ctx, t.Subject(), i)
	if text.Size == 0 && answer.Refused(err) {
		// Some servers answer an empty text for none, and take none. Nothing is
		// lost: there is no text at the destination either.
		return nil
	}
	return err
}
