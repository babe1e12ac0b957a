package exporter

import (
	"bytes"
	"context"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/stream"
)

// valueSlot is a slot whose fetch leaves a value.
type valueSlot[T any] struct {
	*slot
	v T // guarded by the queue's mu until the reader has it
}

func newValueSlot[T any](at position, get func(context.Context, *slot) (T, error)) *valueSlot[T] {
	v := new(valueSlot[T])
	var got, none T
	v.slot = newSlot(at, func(ctx context.Context, s *slot) (err error) {
		got, err = get(ctx, s)
		return err
	})
	v.publish = func() { v.v, got = got, none }
	v.discard = func() { v.v = none }
	return v
}

// get waits for the value.
func (v *valueSlot[T]) get(ctx context.Context, q *queue) (T, error) {
	if err := q.wait(ctx, v.slot); err != nil {
		var zero T
		return zero, err
	}
	return v.v, nil
}

// textSlot is a slot of a text, which is fetched and read piece by piece.
type textSlot struct {
	*slot
	// Guarded by the queue's mu.
	present bool
	beside  []string // what came with the text and is not in it
}

func newTextSlot(q *queue, at position, open func(context.Context) (*comet.Text, error)) *textSlot {
	t := new(textSlot)
	t.slot = newSlot(at, func(ctx context.Context, s *slot) error {
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
		t.beside = text.Beside
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
		return judge.ItemErrorf("it has become shorter while it was read")
	}
	return err
}

// each calls fn for each piece of the text; more is false for the last one. A
// text that is there and empty gives one empty piece, one that is not gives
// none. An error after the first piece says so, and is no word on whether there
// is such a text.
func (t *textSlot) each(ctx context.Context, q *queue, fn func(data []byte, more bool) error) error {
	p, err := q.next(ctx, t.slot)
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
		following, err = q.next(ctx, t.slot)
		switch {
		case err == nil || err == io.EOF:
		case begun && judge.Missing(err):
			return judge.ItemErrorf("it is gone since it was begun: %v", err)
		default:
			return err
		}
		if err := fn(p, err == nil); err != nil {
			return err
		}
		q.recycle(t.slot, p)
		p = following
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// sequenced is a slot, or one with others that hang on it.
type sequenced interface {
	self() *slot
	leave(q *queue)
}

// A sequence is a row of slots that are made one after the other: each when
// the one before it is started, or when the reader comes to it. That way tens
// of thousands of slots need not exist at a time. make is called with the
// queue's mu held.
type sequence[S sequenced] struct {
	n    int
	make func(i int) S

	made []S // from the one that the reader is at
	next int // index of the next to be made
}

// begin makes the first slot. The caller holds the queue's mu.
func (c *sequence[S]) begin(q *queue) {
	if c.next >= c.n {
		return
	}
	s := c.make(c.next)
	c.next++
	c.made = append(c.made, s)
	own := s.self().follow
	s.self().follow = func() {
		if own != nil {
			own()
		}
		c.begin(q)
	}
	q.push(s.self())
}

// take returns the slot that the reader comes to next.
func (c *sequence[S]) take(q *queue) S {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(c.made) == 0 {
		c.begin(q)
	}
	s := c.made[0]
	var zero S
	c.made[0] = zero
	c.made = c.made[1:]
	return s
}

// end leaves the slots that were not taken.
func (c *sequence[S]) end(q *queue) {
	q.mu.Lock()
	c.next = c.n
	made := c.made
	c.made = nil
	q.mu.Unlock()
	for _, s := range made {
		s.leave(q)
	}
}

// reserveGrowth reserves what a value has grown by since the last time, once
// that is worth it.
type reserveGrowth struct {
	q        *queue
	s        *slot
	reserved int64
}

// growthStep is how much a value grows between two reservations.
const growthStep = 32 << 10

func (r *reserveGrowth) to(ctx context.Context, size int64) error {
	by := size - r.reserved
	if by < growthStep {
		return nil
	}
	r.reserved = size
	return r.q.reserve(ctx, r.s, by)
}

// reset gives back what was reserved, for a value that begins anew.
func (r *reserveGrowth) reset() {
	r.q.release(r.s, r.reserved)
	r.reserved = 0
}

// links that expire or may carry a credential are in no document.
var droppedMembers = []string{"s3Link", "compressedAssetLink", "curlDownload", "restApiUrl"}

// document returns a JSON text of the server as a document, without the
// members that no document has and those named.
func document(text []byte, without ...string) (stream.Doc, error) {
	doc, err := stream.DocFromJSON(text)
	if drop := append(without, droppedMembers...); err == nil && mayName(text, drop) {
		doc, err = doc.Without(drop...)
	}
	if err != nil {
		return nil, judge.ItemErrorf("its description does not fit the stream: %v", err)
	}
	return doc, nil
}

// mayName reports whether one of the names may be in a JSON text, which of
// most documents none is.
func mayName(text []byte, names []string) bool {
	for _, name := range names {
		if bytes.Contains(text, []byte(name)) {
			return true
		}
	}
	return bytes.Contains(text, []byte(`\u`))
}
