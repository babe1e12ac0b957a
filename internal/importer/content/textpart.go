package content

import (
	"context"
	"errors"

	"github.com/comet-stream/comet-stream/internal/importer/spool"
)

// A Spooled is a long text that is put together from its pieces.
type Spooled struct {
	*spool.Spool // nil where there was no room
}

// Part takes the next piece of the text in *t, which it begins if it is
// nil. With the last piece it returns the whole text, and *t is nil again.
//
// For a text that is larger than its budget it returns [spool.ErrOverBudget]
// once, and drops the following pieces.
func Part(ctx context.Context, spools *spool.Spooler, t **Spooled, data []byte, more bool) (whole *Spooled, err error) {
	if *t == nil {
		*t = new(Spooled)
		size := int64(-1)
		if !more {
			size = int64(len(data))
		}
		(*t).Spool, err = spools.Open(ctx, size)
	}
	if err == nil && (*t).Spool != nil {
		_, err = (*t).Write(data)
	}
	if errors.Is(err, spool.ErrOverBudget) {
		(*t).Close()
		(*t).Spool = nil
	}
	if !more {
		whole, *t = *t, nil
	}
	if err != nil || whole == nil || whole.Spool == nil {
		return nil, err
	}
	whole.Shrink()
	return whole, nil
}

// Close frees the text. It may be nil.
func (t *Spooled) Close() {
	if t != nil && t.Spool != nil {
		// Only disk space could be lost, and the file has no name.
		_ = t.Spool.Close()
	}
}

// Text returns the text as it is in the stream.
func (t *Spooled) Text() Text { return Text{Sum{t.Size, t.SHA256()}, t.Open} }
