package exporter

import (
	"context"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// partSize is how much of a large body one of several requests asks for. It
// is a multiple of pieceSize, so that the pieces are those of a whole body.
const partSize = 4 << 20

// bodySlot is the contents of an asset: one slot, and further ones for the
// parts behind it where the body is fetched by several requests at a time.
type bodySlot struct {
	*slot
	x  *Exporter
	q  *queue
	it *item

	// Guarded by the queue's mu.
	total int64 // length of the contents, -1 while not known
	rest  sequence[*slot]

	at    *slot // where the reader is
	taken int   // parts of rest that the reader has come to
	trial rangeTrial
}

func (x *Exporter) newBodySlot(q *queue, at position, it *item) *bodySlot {
	b := &bodySlot{x: x, q: q, it: it, total: -1}
	b.slot = b.part(at, 0, 0)
	b.slot.begins = b.begin
	b.slot.whole = it.size != nil && *it.size >= splitSize
	b.at = b.slot
	return b
}

// part returns the slot of the contents between two offsets; to is 0 for the
// end.
func (b *bodySlot) part(at position, from, to int64) *slot {
	s := newSlot(at, func(ctx context.Context, s *slot) error { return b.fetch(ctx, s, from) })
	if to > 0 {
		s.end = to - from
	}
	// A part that had to wait for room would keep a connection from others.
	s.expect = func() int64 {
		switch {
		case s.end > 0:
			return s.end - s.got
		case s.whole && b.x.ranges.helps.Load():
			return partSize
		}
		return 0
	}
	return s
}

// fetch reads a part of the contents into s.
func (b *bodySlot) fetch(ctx context.Context, s *slot, from int64) error {
	got, end := b.q.extent(s)
	offset, length := from+got, int64(0)
	if end > 0 && from+end != b.totalSize() {
		length = end - got
	}
	body, err := b.open(ctx, offset, length)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := b.measured(body.Total); err != nil {
		return err
	}
	size := body.Size
	if !body.Partial && offset > 0 {
		b.refused()
		if err := skipBytes(body, offset); err != nil {
			return err
		}
		size = max(size-offset, -1)
	}
	if err := b.q.fill(ctx, s, body, size); err != nil {
		return err
	}
	if got, end := b.q.extent(s); end > 0 && got < end {
		return itemErrorf("its contents end after %d bytes, where there were more before", from+got)
	}
	return nil
}

// errOtherSize ends a part of a body whose size is not what it was cut up for.
var errOtherSize = itemErrorf("its size is not what the server said before")

// measured takes the length of the contents that an answer gives, -1 if none.
func (b *bodySlot) measured(total int64) error {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	switch {
	case b.total < 0:
		b.total = total
	case total >= 0 && total != b.total:
		return errOtherSize
	}
	return nil
}

// refused is told that the whole came where a part was asked for. No more parts
// are begun, of this body or another.
func (b *bodySlot) refused() {
	b.q.mu.Lock()
	cut := b.rest.n > 0
	b.join()
	b.q.mu.Unlock()
	if cut {
		b.x.ranges.honour(false)
	}
}

// open asks for the contents from offset on, length bytes of them unless it
// is 0.
func (b *bodySlot) open(ctx context.Context, offset, length int64) (*comet.Body, error) {
	r := comet.AssetRequest{
		Key: b.it.key, ID: b.it.id, ArtifactVersion: b.it.artifact, Offset: offset, Length: length, Size: b.it.size,
	}
	if b.it.artifact != "" {
		return b.x.client.OpenArtifactFile(ctx, r)
	}
	return b.x.client.OpenAsset(ctx, r)
}

func (b *bodySlot) totalSize() int64 {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	return b.total
}

// begin cuts a large body of which nothing has been fetched yet into parts, if
// that helps. The caller holds the queue's mu.
func (b *bodySlot) begin() {
	if !b.whole || b.got > 0 {
		return
	}
	if !b.x.ranges.helps.Load() {
		b.hold()
		return
	}
	if b.total < 0 {
		b.total = *b.it.size // as the list has it, for which see again
	}
	b.cut(partSize)
	b.rest.begin(b.q)
}

// cut ends the first slot at an offset and makes slots for what is behind it.
// The caller holds the queue's mu.
func (b *bodySlot) cut(offset int64) {
	b.end, b.whole = offset, false
	at := b.slot.at
	b.rest = sequence[*slot]{n: int((b.total - offset + partSize - 1) / partSize), make: func(i int) *slot {
		from := offset + int64(i)*partSize
		to := min(from+partSize, b.total)
		if i == b.rest.n-1 {
			to = b.total // also where the last part is a larger one, see join
		}
		at.piece = i + 1
		return b.part(at, from, to)
	}}
}

// join makes one part of those that have not been made yet. The caller holds
// the queue's mu.
func (b *bodySlot) join() { b.rest.n = min(b.rest.n, b.rest.next+1) }

// next returns the next piece of the contents, and io.EOF after the last.
func (b *bodySlot) next(ctx context.Context, q *queue) ([]byte, error) {
	for {
		b.consider(ctx)
		p, err := q.next(ctx, b.at)
		if err != io.EOF {
			return p, err
		}
		q.mu.Lock()
		last := b.taken == b.rest.n
		q.mu.Unlock()
		if last {
			return nil, io.EOF
		}
		q.leave(b.at)
		b.at = b.rest.take(q)
		b.taken++
	}
}

// recycle gives a piece back.
func (b *bodySlot) recycle(q *queue, p []byte) { q.recycle(b.at, p) }

// leave gives back what is held.
func (b *bodySlot) leave(q *queue) {
	q.mu.Lock()
	b.leaveTrial()
	q.mu.Unlock()
	q.leave(b.at)
	b.rest.end(q)
}
