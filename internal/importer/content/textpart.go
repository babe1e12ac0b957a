package content

import (
	"context"
	"errors"

	"github.com/comet-stream/comet-stream/internal/importer/spool"
)

// Part takes the next piece of the text in *t, which it begins if it is
// nil. With the last piece it returns the whole text, and *t is nil again.
//
// For a text that is larger than its budget it returns [spool.ErrOverBudget]
// once, and drops the following pieces.
func Part(ctx context.Context, spools *spool.Spooler, t **spool.Spool, data []byte, more bool) (whole *spool.Spool, err error) {
	if *t == nil {
		size := int64(-1)
		if !more {
			size = int64(len(data))
		}
		if *t, err = spools.Open(ctx, size); err != nil {
			*t = new(spool.Spool) // which is closed
		}
	}
	if (*t).IsOpen() {
		_, err = (*t).Write(data)
	}
	if errors.Is(err, spool.ErrOverBudget) {
		(*t).Close()
	}
	if !more {
		whole, *t = *t, nil
	}
	if err != nil || !whole.IsOpen() {
		return nil, err
	}
	whole.Shrink()
	return whole, nil
}

// TextOf returns the text that a spool has.
func TextOf(s *spool.Spool) Text { return Text{Sum{s.Size, s.SHA256()}, s.Open} }
