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
func (s *Slot) reserve(ctx context.Context, n int64) error {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case s.dropped || s.abandoned:
		return errDropped
	case s.aside >= n:
		s.setAside(s.aside - n)
		s.charge(n)
		return nil
	case s.exempt() || q.used+n <= q.softLimit && (len(q.blocked) == 0 || s.before(q.blocked[0])):
		s.charge(n)
		return nil
	}
	room := s.block(n)
	for q.sleep(ctx, room) && s == q.head {
		// A slow reader is no reason to let go of what it is reading.
	}
	switch {
	case s.dropped || s.abandoned:
		return errDropped
	case s.room != room:
		return nil
	}
	s.unblock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.drop()
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
func (s *Slot) block(n int64) <-chan struct{} {
	s.room, s.need = make(chan struct{}), n
	at, _ := slices.BinarySearchFunc(s.q.blocked, s.At, func(b *Slot, at Position) int { return b.At.compare(at) })
	s.q.blocked = slices.Insert(s.q.blocked, at, s)
	return s.room
}

// setAside sets how many bytes are set aside for s.
func (s *Slot) setAside(n int64) {
	s.q.aside += n - s.aside
	s.aside = n
}

// charge reserves n bytes for s; where the head goes beyond all bounds by it,
// others make room. The caller holds mu.
func (s *Slot) charge(n int64) {
	q := s.q
	s.held += n
	q.used += n
	q.held[s] = struct{}{}
	if s == q.head && q.used > q.hardLimit {
		q.dropLast(q.hardLimit)
	}
}

// grant lets a blocked slot continue.
func (s *Slot) grant() {
	s.unblock()
	s.charge(s.need)
}

func (s *Slot) unblock() {
	close(s.room)
	s.room = nil
	if i := slices.Index(s.q.blocked, s); i >= 0 {
		s.q.blocked = slices.Delete(s.q.blocked, i, i+1)
	}
}

// release gives back n bytes of s, all of them if n is negative.
func (s *Slot) release(n int64) {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	s.uncharge(n)
	q.regrant()
	q.StartFetches()
}

func (s *Slot) uncharge(n int64) {
	if n < 0 || n > s.held {
		n = s.held
	}
	s.held -= n
	s.q.used -= n
	if s.held == 0 {
		delete(s.q.held, s)
	}
}

// regrant lets blocked slots go on for which there is room now, in order.
func (q *Queue) regrant() {
	for len(q.blocked) > 0 && q.used+q.blocked[0].need <= q.softLimit {
		q.blocked[0].grant()
	}
}

// dropLast drops large slots, the last first, until no more than most is held or
// nothing is left to drop.
func (q *Queue) dropLast(most int64) {
	for q.used > most {
		var last *Slot
		for s := range q.held {
			if s != q.head && !s.taken && !s.fixed && s.held >= minDropped && (last == nil || last.before(s)) {
				last = s
			}
		}
		if last == nil {
			return
		}
		last.restart()
	}
}

// restart gives up all that a slot holds, to be fetched again later.
func (s *Slot) restart() {
	s.forget()
	s.drop()
	if s.room != nil {
		s.unblock()
	}
	if s.state == done {
		s.state = waiting
		heap.Push(&s.q.deferred, s)
	}
}

// drop ends the fetch of s, to be begun again later. A body keeps what pieces
// of it there are, and goes on after them.
func (s *Slot) drop() {
	s.dropped = true
	if s.state == running {
		s.stop(errDropped)
	}
	s.setAside(0)
	s.uncharge(s.held - s.keptOnDrop())
}
