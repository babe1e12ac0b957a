package exporter

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// bodySlot is the slot of the contents of an asset.
type bodySlot struct {
	*slot
	x  *Exporter
	it *item
}

func (x *Exporter) newBodySlot(q *queue, at position, it *item) *bodySlot {
	b := &bodySlot{x: x, it: it}
	b.slot = newSlot(at, func(ctx context.Context, s *slot) error {
		body, err := b.open(ctx, s.got, 0)
		if err != nil {
			return err
		}
		defer body.Close()
		size := body.Size
		if !body.Partial && s.got > 0 {
			if err := skipBytes(body, s.got); err != nil {
				return err
			}
			size = max(size-s.got, -1)
		}
		return q.fill(ctx, s, body, size)
	})
	return b
}

// open asks for the contents from offset on.
func (b *bodySlot) open(ctx context.Context, offset, length int64) (*comet.Body, error) {
	r := comet.AssetRequest{
		Key: b.it.key, ID: b.it.id, ArtifactVersion: b.it.artifact, Offset: offset, Length: length, Size: b.it.size,
	}
	if b.it.artifact != "" {
		return b.x.client.OpenArtifactFile(ctx, r)
	}
	return b.x.client.OpenAsset(ctx, r)
}

// next returns the next piece of the contents, and io.EOF after the last.
func (b *bodySlot) next(ctx context.Context, q *queue) ([]byte, error) { return q.next(ctx, b.slot) }

// recycle gives a piece back.
func (b *bodySlot) recycle(q *queue, p []byte) { q.recycle(b.slot, p) }

// end gives back what is held.
func (b *bodySlot) end(q *queue) { q.leave(b.slot) }
