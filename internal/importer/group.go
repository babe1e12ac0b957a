package importer

import (
	"context"
	"slices"

	"github.com/comet-stream/comet-stream/stream"
)

// A group takes the records of one group of the stream from the one who reads
// it to the one who works on it.
type group struct {
	r     *run
	in    chan stream.Raw
	whole bool // its end has been read; set before in is closed
}

// inboxLength is how many records may wait for the work on one group, beside
// the bound on their bytes.
const inboxLength = 256

func newGroup(r *run) *group { return &group{r: r, in: make(chan stream.Raw, inboxLength)} }

// send passes a record on. It waits for room.
func (g *group) send(ctx context.Context, raw stream.Raw) error {
	if err := g.r.inbox.Acquire(ctx, cost(raw)); err != nil {
		return context.Cause(ctx)
	}
	select {
	case g.in <- raw:
		return nil
	case <-ctx.Done():
		g.r.inbox.Release(cost(raw))
		return context.Cause(ctx)
	}
}

func cost(raw stream.Raw) int64 { return min(int64(len(raw.Data))+64, inboxMemory) }

// end says that no more records come. whole is false where the stream broke off
// inside the group.
func (g *group) end(whole bool) {
	g.whole = whole
	close(g.in)
}

// each calls f for each record, until the group has ended. An error is that of
// a record which cannot be decoded, or of f; the records after it are dropped.
func (g *group) each(f func(stream.Record) error) error {
	var failed error
	for raw := range g.in {
		if failed == nil {
			rec, err := raw.Decode()
			if err == nil {
				err = f(rec)
			} else {
				err = &InputError{err}
			}
			failed = err
		}
		g.r.inbox.Release(cost(raw))
	}
	return failed
}

// keep returns a record that stays valid after the next one has been read.
func keep(raw stream.Raw) stream.Raw {
	return stream.Raw{Kind: raw.Kind, Data: slices.Clone(raw.Data)}
}
