package flow

import (
	"context"
	"sync"

	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// A Group takes the records of one group of the stream from the reader to its
// worker.
type Group struct {
	budget   *RecordBudget
	in       chan queued
	spare    chan struct{} // holds a value while the record of a spare place waits
	Complete bool          // its end has been read; set before in is closed
}

type queued struct {
	raw   stream.Raw
	spare bool // it takes the spare place of its group
}

// maxQueued is how many records may wait for the work on one group, beside
// the bound on their bytes.
const maxQueued = 256

// queuedMemory is how many bytes of records may wait for the work on all groups.
const queuedMemory = 8 << 20

// spareSize is the most that a record in a spare place may take: a chunk fits.
const spareSize = stream.MaxData + 1024

// NewGroup returns a group whose records share a budget with those of others.
func NewGroup(i *RecordBudget) *Group {
	return &Group{budget: i, in: make(chan queued, maxQueued), spare: make(chan struct{}, 1)}
}

// Send passes a record on. It waits for room.
//
// Small records have a place of their own in each group where others have all
// of the room: those may be waiting for a request in flight whose body is to
// come in this very group.
func (g *Group) Send(ctx context.Context, raw stream.Raw) error {
	q, err := g.place(ctx, raw)
	if err != nil {
		return err
	}
	select {
	case g.in <- q:
		return nil
	case <-ctx.Done():
		g.release(q)
		return context.Cause(ctx)
	}
}

// place waits for the room of a record, or for the spare place if it fits.
func (g *Group) place(ctx context.Context, raw stream.Raw) (queued, error) {
	n := cost(raw)
	var spare chan<- struct{} // never ready if it is nil
	if n <= spareSize {
		spare = g.spare
	}
	for !g.budget.take(n) {
		select {
		case spare <- struct{}{}:
			return queued{raw, true}, nil
		case <-g.budget.given:
		case <-ctx.Done():
			return queued{}, context.Cause(ctx)
		}
	}
	return queued{raw, false}, nil
}

func (g *Group) release(q queued) {
	if q.spare {
		<-g.spare
		return
	}
	g.budget.give(cost(q.raw))
}

func cost(raw stream.Raw) int64 { return min(int64(len(raw.Data))+64, queuedMemory) }

// End says that no more records come. whole is false where the stream broke off
// inside the group.
func (g *Group) End(whole bool) {
	g.Complete = whole
	close(g.in)
}

// Each calls f for each record, until the group has ended. An error is that of
// a record which cannot be decoded, or of f; the records after it are dropped.
func (g *Group) Each(f func(stream.Record) error) error {
	var failed error
	for q := range g.in {
		if failed == nil {
			rec, err := q.raw.Decode()
			if err == nil {
				err = f(rec)
			} else {
				err = &InputError{err}
			}
			failed = err
		}
		g.release(q)
	}
	return failed
}

// A RecordBudget bounds the bytes of the records that wait in all groups. One goroutine takes
// of it, any may give back.
type RecordBudget struct {
	given chan struct{} // holds a value where some may have come back

	mu   sync.Mutex
	free int64
}

// NewRecordBudget returns a budget of which nothing is used.
func NewRecordBudget() *RecordBudget {
	return &RecordBudget{given: make(chan struct{}, 1), free: queuedMemory}
}

func (i *RecordBudget) take(n int64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if n > i.free {
		return false
	}
	i.free -= n
	return true
}

func (i *RecordBudget) give(n int64) {
	i.mu.Lock()
	i.free += n
	i.mu.Unlock()
	select {
	case i.given <- struct{}{}:
	default:
	}
}

// Brief returns a skipped record as it is, or with its texts cut where it would
// not fit the spare place: what it closes may have what others wait for.
func Brief(raw stream.Raw) (stream.Raw, error) {
	if cost(raw) <= spareSize {
		return raw, nil
	}
	rec, err := raw.Decode()
	if err != nil {
		return raw, err
	}
	s, ok := rec.(*stream.Skipped)
	if !ok {
		return raw, nil
	}
	for _, text := range []*string{s.Experiment, s.ID, s.Name, &s.Project, &s.Reason, &s.Workspace} {
		if text != nil {
			*text = report.CutText(*text)
		}
	}
	return stream.Encode(s)
}

// InputError says that the stream is damaged, truncated or no stream at all.
// The experiments that came whole before have been imported.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }

func (e *InputError) Unwrap() error { return e.Err }

// ExitCode returns 4.
func (e *InputError) ExitCode() int { return 4 }
