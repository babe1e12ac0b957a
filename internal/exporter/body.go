package exporter

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
)

// bodySlot is the contents of an asset: one slot, and further ones for the
// parts behind it where the body is fetched by several requests at a time; see
// ranges.go.
type bodySlot struct {
	*slot
	x  *Exporter
	q  *queue
	it *item
	// large says that the body is fetched in parts where the server can do that.
	large bool

	// Guarded by the queue's mu.
	total int64 // length of the contents, -1 while not known
	rest  sequence[*slot]

	at    *slot // where the reader is
	taken int   // parts of rest that the reader has come to
}

func (x *Exporter) newBodySlot(q *queue, at position, it *item) *bodySlot {
	b := &bodySlot{x: x, q: q, it: it, total: -1}
	b.slot = b.part(at, 0, 0)
	if it.size != nil && *it.size >= splitSize {
		b.large, b.total = true, *it.size
		b.slot.begins, b.slot.hold = b.begin, b.hold
	}
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
		case s == b.slot && b.large && b.x.ranges.support != rangesIgnored:
			return partSize
		}
		return 0
	}
	return s
}

// fetch reads a part of the contents into s. A server may answer with less than
// was asked for.
func (b *bodySlot) fetch(ctx context.Context, s *slot, from int64) error {
	defer b.asked()
	for {
		before, _ := b.q.extent(s)
		if err := b.fetchOnce(ctx, s, from); err != nil {
			return err
		}
		switch got, end := b.q.extent(s); {
		case got >= end:
			return nil
		case got == before:
			return judge.ItemErrorf("its contents end after %d bytes, where there were more before", from+got)
		}
	}
}

// fetchOnce reads what one answer gives of a part into s.
func (b *bodySlot) fetchOnce(ctx context.Context, s *slot, from int64) error {
	got, end := b.q.extent(s)
	offset, length := from+got, int64(0)
	if end > 0 && from+end != b.totalSize() {
		length = end - got
	}
	body, err := b.open(ctx, offset, length)
	if offset == 0 && length > 0 && notSatisfiable(err) {
		// The asset is empty, or the server knows no ranges.
		b.learn(false)
		length = 0
		body, err = b.open(ctx, offset, length)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	if err := b.measured(body.Total); err != nil {
		return err
	}
	if offset > 0 || length > 0 {
		b.learn(body.Partial)
	}
	size := body.Size
	if !body.Partial && offset > 0 {
		if err := skipBytes(body, offset); err != nil {
			return err
		}
		size = max(size-offset, -1)
	}
	return b.q.fill(ctx, s, body, size)
}

func notSatisfiable(err error) bool {
	e, ok := errors.AsType[*comet.Error](err)
	return ok && e.Status == http.StatusRequestedRangeNotSatisfiable
}

// errOtherSize ends a part of a body whose size is not what it was cut up for.
var errOtherSize = judge.ItemErrorf("its size is not what the server said before")

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

// open asks for the contents from offset on, length bytes of them unless it
// is 0.
func (b *bodySlot) open(ctx context.Context, offset, length int64) (*comet.Body, error) {
	r := comet.AssetRequest{
		Key: b.it.key, ID: b.it.id, ArtifactVersion: b.it.artifact, Offset: offset, Length: length, Size: b.it.size,
	}
	if b.it.artifact != "" {
		return b.x.client.Artifacts.FileContent(ctx, r)
	}
	return b.x.client.Assets.Content(ctx, r)
}

func (b *bodySlot) totalSize() int64 {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	return b.total
}

// next returns the next piece of the contents, and io.EOF after the last.
func (b *bodySlot) next(ctx context.Context, q *queue) ([]byte, error) {
	for {
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
	q.leave(b.at)
	b.rest.end(q)
}
