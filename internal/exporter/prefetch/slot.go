package prefetch

import (
	"container/heap"
	"context"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

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
	q  *Queue
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

func newSlot(q *Queue, at Position, fetch func(context.Context, *Slot) error) *Slot {
	return &Slot{q: q, At: at, fetch: fetch, isHead: make(chan struct{})}
}

// Queue returns the queue that fetches the slot.
func (s *Slot) Queue() *Queue { return s.q }

// Self returns the slot itself.
func (s *Slot) Self() *Slot { return s }

// Fix makes what depends on the value of s, which is not dropped any more from then
// on.
func (s *Slot) Fix(depends func()) error {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	if s.dropped || s.abandoned {
		return errDropped
	}
	s.fixed = true
	depends()
	return nil
}

// fits reports whether there is room for what s is expected to hold, and for
// at least as much as said.
func (s *Slot) fits(least int64) bool {
	q := s.q
	if s.mustWait != nil && s.mustWait() {
		return false
	}
	if s.Expect != nil {
		if n := s.Expect(); n > 0 {
			return q.used+q.aside+n <= q.hardLimit-q.hardLimit/8
		}
	}
	return q.used+least <= q.softLimit
}

// start runs the fetch of a slot. The caller holds mu.
func (s *Slot) start() {
	q := s.q
	ctx := comet.WithReserve(transport.WithHead(q.ctx, s.isHead), s.reserve)
	ctx, cancel := context.WithCancelCause(ctx)
	s.state, s.dropped, s.stop = running, false, cancel
	q.running++
	if s.held == 0 {
		s.charge(slotCost)
	}
	if s.begins != nil {
		s.begins()
	}
	if s.Expect != nil && s != q.head {
		s.setAside(s.Expect())
	}
	if follow := s.follow; follow != nil {
		s.follow = nil
		follow()
	}
	q.wg.Go(func() {
		err := s.fetch(ctx, s)
		cancel(nil)
		s.finish(err)
	})
}

// finish notes the end of a fetch.
func (s *Slot) finish(err error) {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	s.setAside(0)
	if s.dropped && !s.abandoned {
		s.state = waiting
		heap.Push(&q.deferred, s)
		if s == q.head {
			heap.Remove(&q.deferred, s.index)
			s.start()
		}
	} else {
		s.state, s.err = done, err
		if err == nil && s.publish != nil && !s.abandoned {
			s.publish()
		}
		s.notifyReader()
		if err != nil && q.fatal(err) {
			q.stopped = true
		}
	}
	q.StartFetches()
}

// setHead makes s the head. The caller holds mu.
func (s *Slot) setHead() {
	q := s.q
	q.head = s
	if !s.headed {
		s.headed = true
		close(s.isHead)
	}
	switch {
	case s.state == waiting:
		s.unqueue()
		s.start()
	case s.room != nil && s.exempt():
		s.grant()
	}
}

// exempt reports whether the reader waits for s, so that it must go on however
// full the budget is. A body of which pieces are there is not waited for.
func (s *Slot) exempt() bool { return s == s.q.head && len(s.pieces) == 0 }

// await makes s the head and waits until cond holds or the fetch has ended.
func (s *Slot) await(ctx context.Context, cond func() bool) error {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	s.setHead()
	for s.state != done && !cond() {
		q.mu.Unlock()
		var err error
		select {
		case <-q.ready:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		q.mu.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}

// wait makes s the head and waits for the end of its fetch.
func (s *Slot) wait(ctx context.Context) error {
	if err := s.await(ctx, func() bool { return false }); err != nil {
		return err
	}
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	s.taken = true
	return s.err
}

// notifyReader tells the reader of news of s.
func (s *Slot) notifyReader() {
	q := s.q
	if s != q.head {
		return
	}
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// Leave tells that the reader is done with s, or will not read on.
func (s *Slot) Leave() {
	s.q.mu.Lock()
	s.abandoned = true
	s.forget()
	switch s.state {
	case waiting:
		s.unqueue()
		s.state = done
	case running:
		s.stop(context.Canceled)
		if s.room != nil {
			s.unblock()
		}
	}
	s.q.mu.Unlock()
	s.release(-1)
}

// unqueue takes a slot that waits to be started out of its heap.
func (s *Slot) unqueue() {
	for _, h := range []*slotHeap{&s.q.waiting, &s.q.deferred} {
		if s.index < len(*h) && (*h)[s.index] == s {
			heap.Remove(h, s.index)
			return
		}
	}
	panic("prefetch: a waiting slot is in no heap")
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
