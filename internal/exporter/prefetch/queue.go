package prefetch

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

// errDropped ends a fetch whose bytes had to make room. It begins again later.
var errDropped = errors.New("dropped to make room")

// Position orders slots as their content comes in the stream: by unit, item of
// the unit, part of the item (a metric, a version of an artifact), file and piece
// of a file.
type Position struct{ Unit, Item, Part, File, piece int }

func (p Position) compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Unit, q.Unit), cmp.Compare(p.Item, q.Item), cmp.Compare(p.Part, q.Part),
		cmp.Compare(p.File, q.File), cmp.Compare(p.piece, q.piece))
}

// before reports whether s comes before another slot in the stream.
func (s *Slot) before(other *Slot) bool { return s.At.compare(other.At) < 0 }

// A Queue fetches ahead of the one goroutine that reads it, the reader. Slots
// are started in the order of the stream, as many at a time as the limit says,
// as long as what has been fetched and not yet been read fits the budget. The
// slot that the reader waits for, the head, is exempt from both, so the reader
// never waits for something that waits for the reader.
type Queue struct {
	limit                int
	softLimit, hardLimit int64
	patience             time.Duration
	// More puts the first slots of the next unit into the queue with Push; it
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
			s.start()
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
		if len(q.deferred) > 0 && q.deferred[0].fits(q.softLimit/2) &&
			(len(q.waiting) == 0 || q.deferred[0].before(q.waiting[0])) {
			from = &q.deferred
		}
		if len(*from) == 0 || q.last >= 0 && (*from)[0].At.Unit > q.last {
			return nil
		}
		s := heap.Pop(from).(*Slot)
		if from == &q.deferred || s.fits(0) {
			return s
		}
		heap.Push(&q.deferred, s)
	}
}

// slotHeap orders slots by position.
type slotHeap []*Slot

func (h slotHeap) Len() int           { return len(h) }
func (h slotHeap) Less(i, j int) bool { return h[i].before(h[j]) }
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
