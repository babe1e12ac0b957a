package importer

import (
	"context"
	"errors"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// textKinds are the texts of an experiment that one request reads and one
// request replaces.
var textKinds = map[stream.Kind]struct {
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

// takeText takes a piece of a text of the experiment.
func (e *experiment) takeText(ctx context.Context, rec *stream.Text) error {
	whole, err := content.Part(ctx, e.r.Spools, &e.text, rec.Data, rec.More)
	kind := rec.Of
	if errors.Is(err, spool.ErrOverBudget) {
		e.Failure.Note(report.Issue{Kind: string(kind)}.Wrap(err), false)
		return nil
	}
	if err != nil || whole == nil {
		return err
	}
	e.Spawn(func() {
		write := e.writeText
		if kind == stream.KindOutput {
			write = e.outputs().output
		}
		text, err := e.textOf(kind, whole)
		if err == nil {
			err = write(ctx, kind, text)
		}
		if p, ok := err.(*postponedError); ok {
			e.Postpone(func() { e.finishOutput(ctx, whole, text, p) })
			return
		}
		whole.Close()
		e.Item(report.Issue{Kind: string(kind)}, err)
	})
	return nil
}

// textOf returns a text of the experiment as it is written.
func (e *experiment) textOf(kind stream.Kind, whole *content.Spooled) (content.Text, error) {
	text := whole.Text()
	if kind == stream.KindGitPatch {
		return text, nil // it goes in a zip file, and may hold any bytes
	}
	text, err := content.AsUTF8(&e.Ledger, text, report.Issue{Class: e.r.DiffersClass(), Kind: string(kind)})
	if err == nil && kind == stream.KindHTML && e.r.o.RewriteLinks {
		text, err = text.Becomes(e.r.Keys.LinkReferences(e.source, e.r.Client.Root(), e.project.Target, e.Derived).Links)
	}
	return text, err
}

// finishOutput writes the rest of an output.
func (e *experiment) finishOutput(ctx context.Context, whole *content.Spooled, text content.Text, p *postponedError) {
	defer whole.Close()
	if e.Failure.Stops() {
		return
	}
	kind := string(stream.KindOutput)
	e.Item(report.Issue{Kind: kind}, e.Write(ctx, kind, func() error { return e.outputs().restOfOutput(ctx, text, p) }))
}

// writeText writes a text that a request replaces as a whole.
func (e *experiment) writeText(ctx context.Context, kind stream.Kind, text content.Text) error {
	// Empty patches do not exist; an empty html, code or graph does.
	if text.Size == 0 && kind == stream.KindGitPatch {
		return nil
	}
	if e.later(string(kind), e.longText(kind, content.Text{Sum: text.Sum}).Check) {
		return nil
	}
	err := reconcile.Put(ctx, e.Subject(), e.longText(kind, text))
	if text.Size == 0 && answer.Refused(err) {
		// Some servers answer an empty text for none, and take none. Nothing is
		// lost: there is no text at the destination either.
		return nil
	}
	return err
}

// outputs returns what writes the output of the experiment.
func (e *experiment) outputs() *outputs {
	return &outputs{Experiment: e.Experiment, memory: e.r.large, later: func(output content.Text) bool {
		return e.later(string(stream.KindOutput), e.longText(stream.KindOutput, content.Text{Sum: output.Sum}).Check)
	}}
}
