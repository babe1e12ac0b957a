package prefetch

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// errDropped ends a fetch whose bytes had to make room. It begins again later.
var errDropped = errors.New("dropped to make room")

// Position orders slots as their content comes in the stream: by unit, item of
// the unit, part of the item (a metric, a version of an artifact), file and piece
// of a file.
type Position struct{ Unit, Item, Part, File, piece int }

func (p Position) before(q Position) bool {
	switch {
	case p.Unit != q.Unit:
		return p.Unit < q.Unit
	case p.Item != q.Item:
		return p.Item < q.Item
	case p.Part != q.Part:
		return p.Part < q.Part
	case p.File != q.File:
		return p.File < q.File
	}
	return p.piece < q.piece
}

// A Queue fetches ahead of the one goroutine that reads it, the reader. Slots
// are started in the order of the stream, as many at a time as the limit says,
// as long as what has been fetched and not yet been read fits the budget. The
// slot that the reader waits for, the head, is exempt from both, so the reader
// never waits for something that waits for the reader.
type Queue struct {
	limit                int
	softLimit, hardLimit int64
	patience             time.Duration
	// more puts the first slots of the next unit into the queue with push; it
	// reports false when there is no further unit. It is called with mu held.
	More func() bool
	// fatal reports whether an error is one after which nothing can succeed.
	fatal func(error) bool

	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	ready  chan struct{} // tells the reader that the head has changed

	mu       sync.Mutex
	waiting  slotHeap // to be started, the earliest first
	deferred slotHeap // dropped ones, to be started again when there is room
	blocked  []*Slot  // running ones that wait for budget, by position
	held     map[*Slot]struct{}
	running  int
	used     int64 // bytes held
	aside    int64 // bytes set aside for what is expected
	head     *Slot
	last     int // no slot of a later unit is started; -1: no bound
	stopped  bool
	spare    [][]byte
}

// NewQueue returns a queue that fetches limit slots at a time until ctx is done. more
// and fatal are described at [Queue].
func NewQueue(ctx context.Context, limit int, more func() bool, fatal func(error) bool) *Queue {
	q := &Queue{
		limit:     max(1, limit),
		softLimit: softBudget,
		hardLimit: hardBudget,
		patience:  stallTime,
		More:      more,
		fatal:     fatal,
		ready:     make(chan struct{}, 1),
		held:      make(map[*Slot]struct{}),
		last:      -1,
	}
	q.ctx, q.cancel = context.WithCancelCause(ctx)
	return q
}

// Lock gives the caller what the queue guards: what more, begins, follow, hold and
// the making of a sequence see of it.
func (q *Queue) Lock() { q.mu.Lock() }

// Unlock ends that.
func (q *Queue) Unlock() { q.mu.Unlock() }

// Fix makes what depends on the value of s, which is not dropped any more from then
// on.
func (q *Queue) Fix(s *Slot, depends func()) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.dropped || s.abandoned {
		return errDropped
	}
	s.fixed = true
	depends()
	return nil
}

// Close ends all fetches and waits for them.
func (q *Queue) Close() {
	q.mu.Lock()
	q.stopped = true
	q.mu.Unlock()
	q.cancel(context.Canceled)
	q.wg.Wait()
}

// StopAfter makes unit the last one of which anything is started.
func (q *Queue) StopAfter(unit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = unit
}

// Push adds a slot. The caller holds mu.
func (q *Queue) Push(s *Slot) { heap.Push(&q.waiting, s) }

// StartFetches starts what can be started. The caller holds mu.
func (q *Queue) StartFetches() {
	for !q.stopped && q.running < q.limit && q.used < q.softLimit {
		s := q.earliest()
		switch {
		case s != nil:
			q.start(s)
		case q.last >= 0 || !q.More():
			return
		}
	}
}

// earliest takes the slot to be started next out of the queue, nil if there is
// none.
func (q *Queue) earliest() *Slot {
	for {
		from := &q.waiting
		if len(q.deferred) > 0 && q.fits(q.deferred[0], q.softLimit/2) &&
			(len(q.waiting) == 0 || q.deferred[0].At.before(q.waiting[0].At)) {
			from = &q.deferred
		}
		if len(*from) == 0 || q.last >= 0 && (*from)[0].At.Unit > q.last {
			return nil
		}
		s := heap.Pop(from).(*Slot)
		if from == &q.deferred || q.fits(s, 0) {
			return s
		}
		heap.Push(&q.deferred, s)
	}
}

// fits reports whether there is room for what s is expected to hold, and for
// at least as much as said.
func (q *Queue) fits(s *Slot, least int64) bool {
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
func (q *Queue) start(s *Slot) {
	ctx := comet.WithReserve(transport.WithHead(q.ctx, s.isHead), func(ctx context.Context, n int64) error { return q.reserve(ctx, s, n) })
	ctx, cancel := context.WithCancelCause(ctx)
	s.state, s.dropped, s.stop = running, false, cancel
	q.running++
	if s.held == 0 {
		q.charge(s, slotCost)
	}
	if s.begins != nil {
		s.begins()
	}
	if s.Expect != nil && s != q.head {
		q.setAside(s, s.Expect())
	}
	if follow := s.follow; follow != nil {
		s.follow = nil
		follow()
	}
	q.wg.Go(func() {
		err := s.fetch(ctx, s)
		cancel(nil)
		q.finish(s, err)
	})
}

// finish notes the end of a fetch.
func (q *Queue) finish(s *Slot, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	q.setAside(s, 0)
	if s.dropped && !s.abandoned {
		s.state = waiting
		heap.Push(&q.deferred, s)
		if s == q.head {
			heap.Remove(&q.deferred, s.index)
			q.start(s)
		}
	} else {
		s.state, s.err = done, err
		if err == nil && s.publish != nil && !s.abandoned {
			s.publish()
		}
		q.notifyReader(s)
		if err != nil && q.fatal(err) {
			q.stopped = true
		}
	}
	q.StartFetches()
}

// notifyReader tells the reader of news of s.
func (q *Queue) notifyReader(s *Slot) {
	if s != q.head {
		return
	}
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// setHead makes s the head. The caller holds mu.
func (q *Queue) setHead(s *Slot) {
	q.head = s
	if !s.headed {
		s.headed = true
		close(s.isHead)
	}
	switch {
	case s.state == waiting:
		q.unqueue(s)
		q.start(s)
	case s.room != nil && q.exempt(s):
		q.grant(s)
	}
}

// exempt reports whether the reader waits for s, so that it must go on however
// full the budget is. A body of which pieces are there is not waited for.
func (q *Queue) exempt(s *Slot) bool { return s == q.head && len(s.pieces) == 0 }

// unqueue takes a slot that waits to be started out of its heap.
func (q *Queue) unqueue(s *Slot) {
	for _, h := range []*slotHeap{&q.waiting, &q.deferred} {
		if s.index < len(*h) && (*h)[s.index] == s {
			heap.Remove(h, s.index)
			return
		}
	}
	panic("exporter: a waiting slot is in no heap")
}

// await makes s the head and waits until cond holds or the fetch has ended.
func (q *Queue) await(ctx context.Context, s *Slot, cond func() bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.setHead(s)
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

// slotHeap orders slots by position.
type slotHeap []*Slot

func (h slotHeap) Len() int           { return len(h) }
func (h slotHeap) Less(i, j int) bool { return h[i].At.before(h[j].At) }
func (h slotHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *slotHeap) Push(v any) {
	s := v.(*Slot)
	s.index = len(*h)
	*h = append(*h, s)
}
func (h *slotHeap) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return s
}
