package content

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/importer/spool"
)

// A Spooled is a long text that is put together from its pieces.
type Spooled struct{ *spool.Spool }

// Part takes the next piece of the text in *t, which it begins if it is
// nil. With the last piece it returns the whole text, and *t is nil again.
func Part(ctx context.Context, spools *spool.Spooler, t **Spooled, data []byte, more bool) (*Spooled, error) {
	if *t == nil {
		size := int64(-1)
		if !more {
			size = int64(len(data))
		}
		sp, err := spools.Open(ctx, size)
		if err != nil {
			return nil, err
		}
		*t = &Spooled{sp}
	}
	if _, err := (*t).Write(data); err != nil {
		return nil, err
	}
	if more {
		return nil, nil
	}
	whole := *t
	*t = nil
	whole.Shrink()
	return whole, nil
}

// Close frees the text. It may be nil.
func (t *Spooled) Close() {
	if t != nil {
		// All there is to lose is the room on disk, and the file has no name.
		_ = t.Spool.Close()
	}
}

// Text returns the text as it is in the stream.
func (t *Spooled) Text() Text { return Text{Sum{t.Size, t.SHA256()}, t.Open} }
