package prefetch

import (
	"context"
	"io"
)

// pieceSize is how much of a body goes into one record: of an asset into a
// chunk, of a text into a text record. A body is cut at its multiples, however
// its bytes arrived.
const pieceSize = 256 << 10

// maxSpare is how many pieces are kept to be used again.
const maxSpare = 64

type slotState int

const (
	waiting slotState = iota // to be started, in one of the heaps
	running
	done
)

// A Slot is one thing to fetch. Its fetch either leaves a value where the
// reader finds it once the slot is done, or puts a body piece by piece while
// the reader takes them.
type Slot struct {
	At Position
	// fetch may be run again after it was dropped, and then begins again; a body
	// goes on after the bytes in got.
	fetch func(ctx context.Context, s *Slot) error
	// begins, if not nil, is called each time the slot is started, with the
	// queue's mu held.
	begins func()
	// follow, if not nil, is called once when the slot is started, with the
	// queue's mu held, and may push the slots that come after it.
	follow func()
	// publish, if not nil, leaves what a fetch has got where the reader finds
	// it, and discard gives it up. Both are called with the queue's mu held.
	publish, discard func()
	// expect, if not nil, returns how many bytes are expected, 0 where that is
	// not known. They are set aside when the slot is started ahead of the reader.
	Expect func() int64
	// mustWait, if not nil, reports whether the slot is not to be started ahead of
	// the reader for now. It is called with the queue's mu held.
	mustWait func() bool
	// isHead is closed when the slot becomes the head.
	isHead chan struct{}

	// The rest belongs to the queue and is guarded by its mu.
	state     slotState
	index     int // in its heap
	dropped   bool
	taken     bool // the reader is at work on it
	fixed     bool // others depend on it: it must not be dropped any more
	headed    bool
	stop      context.CancelCauseFunc
	err       error
	held      int64         // bytes reserved
	aside     int64         // bytes set aside for it
	need      int64         // bytes waited for
	room      chan struct{} // closed when they are granted
	pieces    [][]byte      // of a body, not yet taken
	got       int64         // bytes of the body put so far, those taken included
	end       int64         // where the body ends for this slot, 0 for its own end
	abandoned bool          // the reader has left
}

func newSlot(at Position, fetch func(context.Context, *Slot) error) *Slot {
	return &Slot{At: at, fetch: fetch, isHead: make(chan struct{})}
}

// keptOnDrop returns how many bytes a drop leaves in s.
func (s *Slot) keptOnDrop() int64 {
	var n int64
	for _, p := range s.pieces {
		n += int64(cap(p))
	}
	return n
}

// forget gives up the value or the pieces that wait to be taken.
func (s *Slot) forget() {
	for _, p := range s.pieces {
		s.got -= int64(len(p))
	}
	s.pieces = nil
	if s.discard != nil {
		s.discard()
	}
}

func (s *Slot) Self() *Slot { return s }

func (s *Slot) Leave(q *Queue) { q.Leave(s) }

// wait makes s the head and waits for the end of its fetch.
func (q *Queue) wait(ctx context.Context, s *Slot) error {
	if err := q.await(ctx, s, func() bool { return false }); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s.taken = true
	return s.err
}

// Next makes s the head and returns the next piece of its body, and io.EOF
// after the last. The piece is the reader's until it gives it back by recycle.
func (q *Queue) Next(ctx context.Context, s *Slot) ([]byte, error) {
	if err := q.await(ctx, s, func() bool { return len(s.pieces) > 0 }); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(s.pieces) > 0:
		p := s.pieces[0]
		s.pieces[0] = nil
		s.pieces = s.pieces[1:]
		return p, nil
	case s.err != nil:
		return nil, s.err
	}
	return nil, io.EOF
}

// recycle gives a piece of s back.
func (q *Queue) recycle(s *Slot, p []byte) {
	q.mu.Lock()
	if cap(p) == pieceSize && len(q.spare) < maxSpare {
		q.spare = append(q.spare, p[:0])
	}
	q.mu.Unlock()
	q.release(s, int64(cap(p)))
}

// Leave tells that the reader is done with s, or will not read on.
func (q *Queue) Leave(s *Slot) {
	q.mu.Lock()
	s.abandoned = true
	s.forget()
	switch s.state {
	case waiting:
		q.unqueue(s)
		s.state = done
	case running:
		s.stop(context.Canceled)
		if s.room != nil {
			q.unblock(s)
		}
	}
	q.mu.Unlock()
	q.release(s, -1)
}

// put hands a piece to the reader. Its reservation is kept.
func (q *Queue) put(s *Slot, p []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.dropped || s.abandoned {
		return errDropped
	}
	s.pieces = append(s.pieces, p)
	s.got += int64(len(p))
	q.notifyReader(s)
	return nil
}

// piece reserves and returns an empty piece with room for n bytes.
func (q *Queue) piece(ctx context.Context, s *Slot, n int) ([]byte, error) {
	if err := q.reserve(ctx, s, int64(n)); err != nil {
		return nil, err
	}
	if n == pieceSize {
		q.mu.Lock()
		defer q.mu.Unlock()
		if last := len(q.spare) - 1; last >= 0 {
			p := q.spare[last]
			q.spare = q.spare[:last]
			return p, nil
		}
	}
	return make([]byte, 0, n), nil
}

// extent returns how much of the body has been put, and where it ends for s.
func (q *Queue) extent(s *Slot) (got, end int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return s.got, s.end
}

// fill reads body into pieces of s, to its end or that of s. size is how many
// bytes are expected, -1 if that is unknown.
func (q *Queue) fill(ctx context.Context, s *Slot, body io.Reader, size int64) error {
	for {
		most := int64(pieceSize)
		got, end := q.extent(s)
		if end > 0 {
			if most = min(most, end-got); most <= 0 {
				return nil
			}
		}
		p, err := q.fillPiece(ctx, s, body, &size, got, int(most))
		if len(p) > 0 {
			if err := q.put(s, p); err != nil {
				return err
			}
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// fillPiece reads the piece after the got bytes there are. Bodies of unknown
// size begin small, so that a short text does not take the room of a long one.
func (q *Queue) fillPiece(ctx context.Context, s *Slot, body io.Reader, size *int64, got int64, most int) ([]byte, error) {
	n := most
	switch {
	case *size >= 0:
		n = int(min(max(*size, 1), int64(most)))
	case got == 0:
		n = min(4<<10, most)
	}
	p, err := q.piece(ctx, s, n)
	if err != nil {
		return nil, err
	}
	for {
		k, err := readFull(body, p[len(p):min(cap(p), most)])
		p = p[:len(p)+k]
		*size = max(*size-int64(k), min(*size, 0))
		if err != nil || len(p) == most {
			return p, err
		}
		// More than expected: the piece grows, at most to its full size.
		grown := min(4*cap(p), most)
		if err := q.reserve(ctx, s, int64(grown-cap(p))); err != nil {
			return nil, err
		}
		p = append(make([]byte, 0, grown), p...)
	}
}

// readFull fills p, unless body ends or fails before.
func readFull(body io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = body.Read(p[n:])
		n += k
	}
	return n, err
}
