package prefetch

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
)

// Body is the contents of an asset: one slot, and further ones for the parts
// after it where the body is fetched by several requests at a time; see
// ranges.go.
type Body struct {
	*Slot
	of *Bodies
	it comet.AssetRequest
	// large says that the body is fetched in parts where the server can do that.
	large bool

	// Guarded by the queue's mu.
	total int64 // length of the contents, -1 while not known
	rest  Sequence[*Slot]

	at    *Slot // where the reader is
	taken int   // parts of rest that the reader has come to
}

// Bodies makes the slots of contents.
type Bodies struct {
	client *comet.Client
	whole  bool  // each is asked for by one request
	asking *Body // whose answer will tell whether the server honours ranges; guarded by the mu of the queue
}

// NewBodies returns bodies of a server, each of which is asked for by one request if
// whole is set.
func NewBodies(client *comet.Client, whole bool) *Bodies {
	return &Bodies{client: client, whole: whole}
}

// Slot returns the slot of the contents that a request asks for.
func (of *Bodies) Slot(q *Queue, at Position, it comet.AssetRequest) *Body {
	b := &Body{of: of, it: it, total: -1}
	b.Slot = b.part(q, at, 0, 0)
	if it.Size != nil && *it.Size >= splitSize {
		b.large, b.total = true, *it.Size
		b.Slot.begins, b.Slot.mustWait = b.begin, b.waitsForRanges
	}
	b.at = b.Slot
	return b
}

// part returns the slot of the contents between two offsets; to is 0 for the
// end.
func (b *Body) part(q *Queue, at Position, from, to int64) *Slot {
	s := newSlot(q, at, func(ctx context.Context, s *Slot) error { return b.fetch(ctx, s, from) })
	if to > 0 {
		s.end = to - from
	}
	// A part that had to wait for room would keep a connection from others.
	s.Expect = func() int64 {
		if s.end > 0 {
			return s.end - s.got
		}
		if parts, known := b.of.inParts(); s == b.Slot && b.large && (parts || !known) {
			return partSize
		}
		return 0
	}
	return s
}

// fetch reads a part of the contents into s. A server may answer with less than
// was asked for.
func (b *Body) fetch(ctx context.Context, s *Slot, from int64) error {
	defer b.asked()
	for {
		before, _ := s.extent()
		if err := b.fetchOnce(ctx, s, from); err != nil {
			return err
		}
		switch got, end := s.extent(); {
		case got >= end:
			return nil
		case got == before:
			return judge.ItemErrorf("truncated after %d bytes: it was longer before", from+got)
		}
	}
}

// fetchOnce reads what one answer gives of a part into s.
func (b *Body) fetchOnce(ctx context.Context, s *Slot, from int64) error {
	got, end := s.extent()
	offset, length := from+got, int64(0)
	if end > 0 && from+end != b.totalSize() {
		length = end - got
	}
	body, err := b.open(ctx, offset, length)
	if offset == 0 && length > 0 && notSatisfiable(err) {
		// The asset is empty, or the server knows no ranges.
		b.noteRanges(false)
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
		b.noteRanges(body.Partial)
	}
	size := body.Size
	if !body.Partial && offset > 0 {
		if err := skipBytes(body, offset); err != nil {
			return err
		}
		size = max(size-offset, -1)
	}
	return s.fill(ctx, body, size)
}

func notSatisfiable(err error) bool {
	e, ok := errors.AsType[*comet.Error](err)
	return ok && e.Status == http.StatusRequestedRangeNotSatisfiable
}

// errOtherSize ends a part of a body whose size is not what it was cut up for.
var errOtherSize = judge.ItemErrorf("its size differs from the size that the server gave before")

// measured takes the length of the contents that an answer gives, -1 if none.
func (b *Body) measured(total int64) error {
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
func (b *Body) open(ctx context.Context, offset, length int64) (*comet.Body, error) {
	r := b.it
	r.Offset, r.Length = offset, length
	if r.ArtifactVersion != "" {
		return b.of.client.Artifacts.FileContent(ctx, r)
	}
	return b.of.client.Assets.Content(ctx, r)
}

func (b *Body) totalSize() int64 {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	return b.total
}

// Next returns the next piece of the contents, and io.EOF after the last.
func (b *Body) Next(ctx context.Context) ([]byte, error) {
	for {
		p, err := b.at.Next(ctx)
		if err != io.EOF {
			return p, err
		}
		b.q.mu.Lock()
		last := b.taken == b.rest.n
		b.q.mu.Unlock()
		if last {
			return nil, io.EOF
		}
		b.at.Leave()
		b.at = b.rest.Take()
		b.taken++
	}
}

// Recycle gives a piece back.
func (b *Body) Recycle(p []byte) { b.at.recycle(p) }

// Leave gives back what is held.
func (b *Body) Leave() {
	b.at.Leave()
	b.rest.Close()
}
