package importer

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// A textItem is a long text that is put together from its pieces.
type textItem struct{ *spool }

// textPart takes the next piece of the text in *t, which it begins if it is
// nil. With the last piece it returns the whole text, and *t is nil again.
func (r *run) textPart(ctx context.Context, t **textItem, data []byte, more bool) (*textItem, error) {
	if *t == nil {
		size := int64(-1)
		if !more {
			size = int64(len(data))
		}
		sp, err := r.spools.open(ctx, size)
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
	whole.shrink()
	return whole, nil
}

// close frees the text. It may be nil.
func (t *textItem) close() {
	if t != nil {
		// All there is to lose is the room on disk, and the file has no name.
		_ = t.spool.Close()
	}
}

// use calls f with the whole text, when there is memory for the request that
// is made of it.
func (t *textItem) use(ctx context.Context, r *run, f func(string) error) error {
	// The text, its JSON with the room to grow, and what the client copies.
	n := min(4*t.size, largeMemory)
	if err := r.large.Acquire(ctx, n); err != nil {
		return context.Cause(ctx)
	}
	defer r.large.Release(n)
	var b strings.Builder
	b.Grow(int(t.size))
	if _, err := io.Copy(&b, io.NewSectionReader(t, 0, t.size)); err != nil {
		return err
	}
	return f(b.String())
}

// compareText holds a text of the destination against one of the stream. No
// text and an empty one are the same here.
func compareText(want string, there io.Reader) (same, empty bool, err error) {
	buf := make([]byte, 32<<10)
	rest, empty, same := want, true, true
	for {
		n, err := there.Read(buf)
		if n > 0 {
			empty = false
			same = same && strings.HasPrefix(rest, string(buf[:n]))
			if !same {
				return false, false, nil
			}
			rest = rest[n:]
		}
		switch {
		case err == io.EOF:
			return same && rest == "", empty, nil
		case err != nil:
			return false, false, err
		}
	}
}

// thereText opens a text of the destination and compares it.
func (r *run) thereText(ctx context.Context, want string, open func() (*comet.Text, error)) (same, empty bool, err error) {
	err = r.steady(ctx, func() error {
		t, err := open()
		if err != nil {
			if isAbsent(err) {
				same, empty = want == "", true
				return nil
			}
			return err
		}
		defer t.Close()
		same, empty, err = compareText(want, t)
		return err
	})
	return same, empty, err
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
		if err := pause(ctx, r.o.Settle); err != nil {
			return err
		}
	}
}

// textKinds are the texts of an experiment that one request reads and one
// request replaces.
var textKinds = map[stream.Kind]struct {
	read  func(*comet.Client, context.Context, string) (*comet.Text, error)
	write func(*comet.Client, context.Context, string, string) error
}{
	stream.KindCode:  {(*comet.Client).Code, (*comet.Client).WriteCode},
	stream.KindGraph: {(*comet.Client).Graph, (*comet.Client).WriteGraph},
	stream.KindHTML: {(*comet.Client).HTML, func(c *comet.Client, ctx context.Context, key, text string) error {
		return c.WriteHTML(ctx, key, text, true, nil)
	}},
	stream.KindGitPatch: {(*comet.Client).GitPatch, func(c *comet.Client, ctx context.Context, key, text string) error {
		return c.WriteGitPatch(ctx, key, strings.NewReader(text))
	}},
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
		err := whole.use(ctx, e.r, func(text string) error { return write(ctx, kind, text) })
		if err == errPostponed {
			e.postpone(func() { e.finishOutput(ctx, whole) })
			return
		}
		whole.close()
		e.item(Issue{Kind: string(kind)}, err)
	})
	return nil
}

// finishOutput writes the rest of an output.
func (e *experiment) finishOutput(ctx context.Context, whole *textItem) {
	defer whole.close()
	if e.failure.stops() {
		return
	}
	kind := string(stream.KindOutput)
	err := whole.use(ctx, e.r, func(text string) error {
		return e.write(ctx, kind, func() error { return e.restOfOutput(ctx, text) })
	})
	e.item(Issue{Kind: kind}, err)
}

// writeText writes a text that a request replaces as a whole.
func (e *experiment) writeText(ctx context.Context, kind stream.Kind, text string) error {
	k := textKinds[kind]
	// Empty patches do not exist; an empty html, code or graph does.
	if text == "" && kind == stream.KindGitPatch {
		return nil
	}
	if kind == stream.KindHTML && e.r.o.RewriteLinks {
		text = e.r.linkReferences(e.source, e.project.target, e.derived).links(text)
	}
	if e.expect(func(x *expectation) { x.text(kind, text) }) {
		return nil
	}
	if e.there != nil {
		same, empty, err := e.r.thereText(ctx, text, func() (*comet.Text, error) { return k.read(e.r.c, ctx, e.key) })
		switch {
		case err != nil:
			return err
		case same && (text != "" || !e.unfinished):
			return nil
		case !same && !empty && !e.streamWins:
			e.differs(Issue{Kind: string(kind), Reason: "the destination has another one"})
			return nil
		}
	}
	err := e.write(ctx, string(kind), func() error { return k.write(e.r.c, ctx, e.key, text) })
	if text == "" && refused(err) {
		// Some servers answer an empty text for none, and take none. Nothing is
		// lost: there is no text at the destination either.
		return nil
	}
	return err
}
