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
	beside  []string
}

// NewText returns the slot of the text that open opens.
func NewText(q *Queue, at Position, open func(context.Context) (*comet.Text, error)) *Text {
	t := new(Text)
	t.Slot = newSlot(q, at, func(ctx context.Context, s *Slot) error {
		text, err := open(ctx)
		if err != nil {
			return err
		}
		defer text.Close()
		q.mu.Lock()
		t.present = !text.Null
		q.mu.Unlock()
		got, _ := s.extent()
		if err := skipBytes(text, got); err != nil {
			return err
		}
		err = s.fill(ctx, text, -1)
		q.mu.Lock()
		t.beside = text.Beside
		q.mu.Unlock()
		return err
	})
	return t
}

// Beside returns what came with the text and is not in it.
func (t *Text) Beside() []string {
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	return t.beside
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
func (t *Text) Each(ctx context.Context, fn func(data []byte, more bool) error) error {
	p, err := t.Next(ctx)
	if err == io.EOF {
		t.q.mu.Lock()
		present := t.present
		t.q.mu.Unlock()
		if present {
			return fn([]byte{}, false)
		}
		return nil
	}
	for begun := false; err == nil; begun = true {
		var following []byte
		following, err = t.Next(ctx)
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
		t.recycle(p)
		p = following
	}
	if err == io.EOF {
		return nil
	}
	return err
}
