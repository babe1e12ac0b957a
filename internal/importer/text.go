package importer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// A textItem is a long text that is put together from its pieces.
type textItem struct{ *spool.Spool }

// textPart takes the next piece of the text in *t, which it begins if it is
// nil. With the last piece it returns the whole text, and *t is nil again.
func (r *run) textPart(ctx context.Context, t **textItem, data []byte, more bool) (*textItem, error) {
	if *t == nil {
		size := int64(-1)
		if !more {
			size = int64(len(data))
		}
		sp, err := r.spools.Open(ctx, size)
		if err != nil {
			return nil, err
		}
		*t = &textItem{sp}
	}
	if _, err := (*t).Write(data); err != nil {
		return nil, err
	}
	if more {
		return nil, nil
	}
	whole := *t
	*t = nil
	whole.Shrink()
	return whole, nil
}

// close frees the text. It may be nil.
func (t *textItem) close() {
	if t != nil {
		// All there is to lose is the room on disk, and the file has no name.
		_ = t.Spool.Close()
	}
}

// text returns the text as it is in the stream.
func (t *textItem) text() longText { return longText{sum{t.Size, t.SHA256()}, t.Open} }

// A longText is a text on its way to the destination, which is read anew each
// time it is wanted.
type longText struct {
	sum
	open func() (io.ReadCloser, error)
}

func (t longText) content() comet.Content { return comet.Content{Size: t.size, Open: t.open} }

// becomes returns what change makes of the text. It must make the same each
// time.
func (t longText) becomes(change func(io.Reader) io.Reader) (longText, error) {
	open := func() (io.ReadCloser, error) {
		rc, err := t.open()
		if err != nil {
			return nil, err
		}
		return &changed{change(rc), rc}, nil
	}
	s, err := sumOf(open)
	return longText{s, open}, err
}

// changed closes what is beneath a reader of it.
type changed struct {
	io.Reader
	io.Closer
}

// utf8 returns the text without the bytes that no request can carry, and how
// many have been replaced.
func (t longText) utf8() (longText, int64, error) {
	var invalid int64
	rc, err := t.open()
	if err != nil {
		return t, 0, err
	}
	defer rc.Close()
	if _, err := io.Copy(io.Discard, comet.ValidText(rc, &invalid)); err != nil || invalid == 0 {
		return t, 0, err
	}
	valid, err := t.becomes(func(r io.Reader) io.Reader { return comet.ValidText(r, nil) })
	return valid, invalid, err
}

// asUTF8 is utf8, and tells what is not carried as it is.
func asUTF8(l *report.Ledger, t longText, i report.Issue) (longText, error) {
	t, invalid, err := t.utf8()
	if invalid > 0 {
		i.Reason = fmt.Sprintf("%d of its bytes are not UTF-8, and are U+FFFD at the destination", invalid)
		l.Issue(i)
	}
	return t, err
}

// compareText reads a text of the destination and holds it against one of the
// stream. No text and an empty one are the same here.
func (r *run) compareText(ctx context.Context, want sum, open func() (*comet.Text, error)) (same, empty bool, err error) {
	have, err := r.readSum(ctx, func() (io.ReadCloser, error) { return open() })
	return have == want, have.size == 0, err
}

// maxUnsteady is how often something is read that changes while it is read.
const maxUnsteady = 10

// steady repeats a reading of something that changes meanwhile, as it does where
// what was written a moment ago begins to show.
func (r *run) steady(ctx context.Context, read func() error) error {
	for try := 1; ; try++ {
		err := read()
		if !errors.Is(err, comet.ErrChanged) || try == maxUnsteady {
			return err
		}
		if err := flow.Pause(ctx, r.o.Settle); err != nil {
			return err
		}
	}
}

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
}

// takeText takes a piece of a text of the experiment.
func (e *experiment) takeText(ctx context.Context, rec *stream.Text) error {
	whole, err := e.r.textPart(ctx, &e.text, rec.Data, rec.More)
	if err != nil || whole == nil {
		return err
	}
	kind := rec.Of
	e.spawn(func() {
		write := e.writeText
		if kind == stream.KindOutput {
			write = e.output
		}
		text, err := e.textOf(kind, whole)
		if err == nil {
			err = write(ctx, kind, text)
		}
		if p, ok := err.(*postponedError); ok {
			e.postpone(func() { e.finishOutput(ctx, whole, text, p) })
			return
		}
		whole.close()
		e.item(report.Issue{Kind: string(kind)}, err)
	})
	return nil
}

// textOf returns a text of the experiment as it is written.
func (e *experiment) textOf(kind stream.Kind, whole *textItem) (longText, error) {
	text := whole.text()
	if kind == stream.KindGitPatch {
		return text, nil // it goes in a zip file, and may hold any bytes
	}
	text, err := asUTF8(&e.Ledger, text, report.Issue{Class: e.r.differs(), Kind: string(kind)})
	if err == nil && kind == stream.KindHTML && e.r.o.RewriteLinks {
		text, err = text.becomes(e.r.linkReferences(e.source, e.project.target, e.derived).links)
	}
	return text, err
}

// finishOutput writes the rest of an output.
func (e *experiment) finishOutput(ctx context.Context, whole *textItem, text longText, p *postponedError) {
	defer whole.close()
	if e.failure.Stops() {
		return
	}
	kind := string(stream.KindOutput)
	e.item(report.Issue{Kind: kind}, e.write(ctx, kind, func() error { return e.restOfOutput(ctx, text, p) }))
}

// writeText writes a text that a request replaces as a whole.
func (e *experiment) writeText(ctx context.Context, kind stream.Kind, text longText) error {
	k := textKinds[kind]
	// Empty patches do not exist; an empty html, code or graph does.
	if text.size == 0 && kind == stream.KindGitPatch {
		return nil
	}
	if e.expect(func(x *expectation) { x.texts[kind] = text.sum }) {
		return nil
	}
	if e.there != nil {
		same, empty, err := e.r.compareText(ctx, text.sum, func() (*comet.Text, error) { return k.read(e.r.c.Texts, ctx, e.key) })
		switch {
		case err != nil:
			return err
		case same && (text.size > 0 || !e.unfinished):
			return nil
		case !same && !empty && !e.streamWins:
			e.differs(report.Issue{Kind: string(kind), Reason: "the destination has another one"})
			return nil
		}
	}
	write := func() error { return k.write(e.r.c.Texts, ctx, e.key, text.content()) }
	err := e.write(ctx, string(kind), func() error {
		if text.size == 0 {
			return write() // a reading may not tell it from none
		}
		return e.sure(ctx, write, func(x *expectation) { x.texts[kind] = text.sum })
	})
	if text.size == 0 && answer.Refused(err) {
		// Some servers answer an empty text for none, and take none. Nothing is
		// lost: there is no text at the destination either.
		return nil
	}
	return err
}
