package prefetch

import (
	"container/heap"
	"context"
	"slices"
	"time"
)

// The sizes of the queue. Together with what the stream's writer and the
// connections hold they keep the process under 150 MB, whatever the data.
const (
	// softBudget bounds what is fetched ahead of the head.
	softBudget = 48 << 20
	// hardBudget bounds the head and what is ahead of it together. Only a
	// head that is larger than this alone goes beyond it.
	hardBudget = 80 << 20
	// slotCost is reserved for each slot that has been started, on top of
	// the bytes it holds: closures, documents in small pieces, a goroutine.
	slotCost = 4 << 10
	// minDropped is the least that a slot must hold to be dropped for the
	// sake of the head. Small ones free little and cost a request each.
	minDropped = 1 << 20
	// stallTime is how long a fetch waits for budget before it lets its
	// connection go. Servers lose patience after a minute or so.
	stallTime = 20 * time.Second
)

// reserve waits until n more bytes may be held by s. It fails with errDropped
// when s has to make room, and must then end the fetch.
func (q *Queue) reserve(ctx context.Context, s *Slot, n int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case s.dropped || s.abandoned:
		return errDropped
	case s.aside >= n:
		q.setAside(s, s.aside-n)
		q.charge(s, n)
		return nil
	case q.exempt(s) || q.used+n <= q.softLimit && (len(q.blocked) == 0 || s.At.before(q.blocked[0].At)):
		q.charge(s, n)
		return nil
	}
	room := q.block(s, n)
	for q.sleep(ctx, room) && s == q.head {
		// A slow reader is no reason to let go of what it is reading.
	}
	switch {
	case s.dropped || s.abandoned:
		return errDropped
	case s.room != room:
		return nil
	}
	q.unblock(s)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	q.drop(s)
	q.regrant()
	return errDropped
}

// sleep gives up mu until room is closed, ctx is done or patience is at its
// end; it reports whether that was it.
func (q *Queue) sleep(ctx context.Context, room <-chan struct{}) bool {
	timer := time.NewTimer(q.patience)
	defer timer.Stop()
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-room:
	case <-ctx.Done():
	case <-timer.C:
		return true
	}
	return false
}

// block puts s among those that wait for n bytes. The channel it returns is
// closed when s may go on or has been dropped.
func (q *Queue) block(s *Slot, n int64) <-chan struct{} {
	s.room, s.need = make(chan struct{}), n
	at, _ := slices.BinarySearchFunc(q.blocked, s, func(a, b *Slot) int {
		if a.At.before(b.At) {
			return -1
		}
		return 1
	})
	q.blocked = slices.Insert(q.blocked, at, s)
	return s.room
}

// setAside sets how many bytes are set aside for s.
func (q *Queue) setAside(s *Slot, n int64) {
	q.aside += n - s.aside
	s.aside = n
}

// charge reserves n bytes for s; where the head goes beyond all bounds by it,
// others make room. The caller holds mu.
func (q *Queue) charge(s *Slot, n int64) {
	s.held += n
	q.used += n
	q.held[s] = struct{}{}
	if s == q.head && q.used > q.hardLimit {
		q.dropLast(q.hardLimit)
	}
}

// grant lets a blocked slot go on.
func (q *Queue) grant(s *Slot) {
	q.unblock(s)
	q.charge(s, s.need)
}

func (q *Queue) unblock(s *Slot) {
	close(s.room)
	s.room = nil
	if i := slices.Index(q.blocked, s); i >= 0 {
		q.blocked = slices.Delete(q.blocked, i, i+1)
	}
}

// release gives back n bytes of s, all of them if n is negative.
func (q *Queue) release(s *Slot, n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.uncharge(s, n)
	q.regrant()
	q.StartFetches()
}

func (q *Queue) uncharge(s *Slot, n int64) {
	if n < 0 || n > s.held {
		n = s.held
	}
	s.held -= n
	q.used -= n
	if s.held == 0 {
		delete(q.held, s)
	}
}

// regrant lets blocked slots go on for which there is room now, in order.
func (q *Queue) regrant() {
	for len(q.blocked) > 0 && q.used+q.blocked[0].need <= q.softLimit {
		q.grant(q.blocked[0])
	}
}

// dropLast drops large slots, the last first, until no more than most is held or
// nothing is left to drop.
func (q *Queue) dropLast(most int64) {
	for q.used > most {
		var last *Slot
		for s := range q.held {
			if s != q.head && !s.taken && !s.fixed && s.held >= minDropped && (last == nil || last.At.before(s.At)) {
				last = s
			}
		}
		if last == nil {
			return
		}
		q.restart(last)
	}
}

// restart gives up all that a slot holds, to be fetched again later.
func (q *Queue) restart(s *Slot) {
	s.forget()
	q.drop(s)
	if s.room != nil {
		q.unblock(s)
	}
	if s.state == done {
		s.state = waiting
		heap.Push(&q.deferred, s)
	}
}

// drop ends the fetch of s, to be begun again later. A body keeps what pieces
// of it there are, and goes on after them.
func (q *Queue) drop(s *Slot) {
	s.dropped = true
	if s.state == running {
		s.stop(errDropped)
	}
	q.setAside(s, 0)
	q.uncharge(s, s.held-s.keptOnDrop())
}
