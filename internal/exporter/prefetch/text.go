package prefetch

import (
	"context"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
)

// Text is a slot of a text, which is fetched and read piece by piece.
type Text struct {
	*Slot
	// Guarded by the queue's mu.
	present bool
	Beside  []string // what came with the text and is not in it
}

// NewText returns the slot of the text that open opens.
func NewText(q *Queue, at Position, open func(context.Context) (*comet.Text, error)) *Text {
	t := new(Text)
	t.Slot = newSlot(at, func(ctx context.Context, s *Slot) error {
		text, err := open(ctx)
		if err != nil {
			return err
		}
		defer text.Close()
		q.mu.Lock()
		t.present = !text.Null
		q.mu.Unlock()
		got, _ := q.extent(s)
		if err := skipBytes(text, got); err != nil {
			return err
		}
		err = q.fill(ctx, s, text, -1)
		q.mu.Lock()
		t.Beside = text.Beside
		q.mu.Unlock()
		return err
	})
	return t
}

// skipBytes reads past the n bytes that an earlier fetch has brought.
func skipBytes(r io.Reader, n int64) error {
	if n == 0 {
		return nil
	}
	k, err := io.CopyN(io.Discard, r, n)
	if k < n && err == io.EOF {
		return judge.ItemErrorf("it became shorter while it was read")
	}
	return err
}

// Each calls fn for each piece of the text; more is false for the last one. A
// text that is there and empty gives one empty piece, one that is not gives
// none. An error after the first piece says so, and is no word on whether there
// is such a text.
func (t *Text) Each(ctx context.Context, q *Queue, fn func(data []byte, more bool) error) error {
	p, err := q.Next(ctx, t.Slot)
	if err == io.EOF {
		q.mu.Lock()
		present := t.present
		q.mu.Unlock()
		if present {
			return fn([]byte{}, false)
		}
		return nil
	}
	for begun := false; err == nil; begun = true {
		var following []byte
		following, err = q.Next(ctx, t.Slot)
		switch {
		case err == nil || err == io.EOF:
		case begun && judge.Missing(err):
			return judge.ItemErrorf("it was deleted while it was read: %v", err)
		default:
			return err
		}
		if err := fn(p, err == nil); err != nil {
			return err
		}
		q.recycle(t.Slot, p)
		p = following
	}
	if err == io.EOF {
		return nil
	}
	return err
}
