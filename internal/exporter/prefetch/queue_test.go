package prefetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/exporter/judge"
)

// fakeQueue returns a queue without units, with the given bounds.
func fakeQueue(t *testing.T, limit int, soft, hard int64) *Queue {
	q := NewQueue(t.Context(), limit, func() bool { return false }, func(err error) bool { return err == errFatal })
	q.softLimit, q.hardLimit = soft, hard
	return q
}

var errFatal = errors.New("fatal")

func (q *Queue) pushAll(slots ...*Slot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range slots {
		q.Push(s)
	}
	q.StartFetches()
}

// bodyOf returns a slot of a body of n bytes that come after d each.
func bodyOf(q *Queue, at Position, n int, d time.Duration, opened *atomic.Int64) *Slot {
	return newSlot(q, at, func(ctx context.Context, s *Slot) error {
		if opened != nil {
			opened.Add(1)
		}
		time.Sleep(d)
		return s.fill(ctx, io.LimitReader(patternReader(s.got), int64(n)-s.got), int64(n)-s.got)
	})
}

// pattern repeats at no multiple of any size that is used here.
var pattern = func() []byte {
	b := make([]byte, 65_521)
	for i := range b {
		b[i] = byte(i * i >> 4)
	}
	return b
}()

// patternReader yields bytes that depend on their place.
func patternReader(from int64) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		n := 0
		for n < len(p) {
			k := copy(p[n:], pattern[from%int64(len(pattern)):])
			n += k
			from += int64(k)
		}
		return n, nil
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// readBody reads a slot's body to its end.
func readBody(t *testing.T, s *Slot) []byte {
	t.Helper()
	var all []byte
	for {
		p, err := s.Next(t.Context())
		if err == io.EOF {
			s.Leave()
			return all
		}
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		all = append(all, p...)
		s.recycle(p)
	}
}

func checkPattern(t *testing.T, name string, got []byte, n int) {
	t.Helper()
	want := make([]byte, n)
	patternReader(0).Read(want)
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes that are not the %d wanted", name, len(got), n)
	}
}

// Slots are started in the order of the stream, and only so many at a time.
func TestQueueOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := fakeQueue(t, 3, 1<<20, 1<<20)
		defer q.Close()
		var slots []*Slot
		var running, most atomic.Int64
		var started []int
		for i := range 20 {
			slots = append(slots, newSlot(q, Position{Unit: i / 4, Item: i % 4}, func(ctx context.Context, s *Slot) error {
				q.mu.Lock()
				started = append(started, i)
				q.mu.Unlock()
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				time.Sleep(time.Second)
				return nil
			}))
		}
		reversed := make([]*Slot, 0, len(slots))
		for _, s := range slots {
			reversed = append([]*Slot{s}, reversed...)
		}
		q.pushAll(reversed...)
		for _, s := range slots {
			if err := s.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.Leave()
		}
		for i, n := range started {
			// Those of one second may be noted in any order.
			if n/3 != i/3 {
				t.Fatalf("started %v", started)
			}
		}
		if most.Load() != 3 {
			t.Errorf("%d at a time, want 3", most.Load())
		}
		if q.used != 0 || len(q.held) != 0 {
			t.Errorf("%d bytes held in the end", q.used)
		}
	})
}

// What is ahead of the reader never takes more than the budget, and comes out
// whole.
func TestQueueBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const soft, n = 1 << 20, 1<<20 + 300_017
		q := fakeQueue(t, 8, soft, 2*soft)
		q.patience = time.Hour
		defer q.Close()
		var slots []*Slot
		for i := range 4 {
			slots = append(slots, bodyOf(q, Position{Unit: i}, n, time.Duration(4-i)*time.Second, nil))
		}
		q.pushAll(slots...)
		time.Sleep(time.Minute)
		synctest.Wait()
		if q.used > soft+8*(pieceSize+slotCost) {
			t.Errorf("%d bytes ahead of an idle reader, budget %d", q.used, soft)
		}
		for i, s := range slots {
			checkPattern(t, fmt.Sprint("body ", i), readBody(t, s), n)
		}
	})
}

// The head goes on however full the budget is and however many are under way.
func TestQueueHeadIsExempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const soft = 1 << 20
		q := fakeQueue(t, 2, soft, 100*soft)
		q.patience = time.Hour
		defer q.Close()
		// Two later bodies fill the budget and take all places.
		late := []*Slot{bodyOf(q, Position{Unit: 2}, 1<<20, 0, nil), bodyOf(q, Position{Unit: 3}, 1<<20, 0, nil)}
		q.pushAll(late...)
		synctest.Wait()
		head := bodyOf(q, Position{Unit: 1}, 2<<20, time.Second, nil)
		q.pushAll(head)
		synctest.Wait()
		if head.state != waiting {
			t.Fatal("the budget is not full")
		}
		checkPattern(t, "head", readBody(t, head), 2<<20)
		checkPattern(t, "second", readBody(t, late[0]), 1<<20)
		checkPattern(t, "third", readBody(t, late[1]), 1<<20)
	})
}

// A reader that is slower than the network is not overrun by the head either.
func TestQueueSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const soft = 1 << 20
		q := fakeQueue(t, 2, soft, 2*soft)
		defer q.Close()
		s := bodyOf(q, Position{}, 8<<20, 0, nil)
		q.pushAll(s)
		var all []byte
		for {
			p, err := s.Next(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(all) == 4<<20 {
				time.Sleep(10 * stallTime)
			}
			synctest.Wait()
			if s.dropped {
				t.Fatal("the head was dropped because the reader is slow")
			}
			if q.used > soft+2*pieceSize {
				t.Fatalf("%d bytes held for a reader that is at %d", q.used, len(all))
			}
			all = append(all, p...)
			s.recycle(p)
		}
		checkPattern(t, "body", all, 8<<20)
	})
}

// A body that waits for budget too long lets its connection go, keeps what it
// has, and goes on when it is read.
func TestQueueStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := fakeQueue(t, 4, 1<<20, 4<<20)
		defer q.Close()
		var opened atomic.Int64
		first := bodyOf(q, Position{Unit: 0}, 100, 0, nil)
		second := bodyOf(q, Position{Unit: 1}, 3<<20, 0, &opened)
		q.pushAll(first, second)
		time.Sleep(2 * stallTime)
		synctest.Wait()
		if second.state != waiting || second.got == 0 || q.running != 0 {
			t.Fatalf("state %v, got %d, %d running", second.state, second.got, q.running)
		}
		kept := second.got
		checkPattern(t, "first", readBody(t, first), 100)
		checkPattern(t, "second", readBody(t, second), 3<<20)
		if opened.Load() != 2 {
			t.Errorf("opened %d times, want 2 (it had %d bytes)", opened.Load(), kept)
		}
	})
}

// When the head alone needs more than there is, the last of the large ones is
// dropped, and fetched again later.
func TestQueueShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mb = 1 << 20
		q := fakeQueue(t, 4, 8*mb, 12*mb)
		q.patience = time.Hour
		defer q.Close()
		grow := func(n int64, d time.Duration, runs *atomic.Int64) func(context.Context, *Slot) ([]byte, error) {
			return func(ctx context.Context, s *Slot) ([]byte, error) {
				runs.Add(1)
				for range n {
					time.Sleep(d)
					if err := s.reserve(ctx, mb); err != nil {
						return nil, err
					}
				}
				return make([]byte, n), nil
			}
		}
		var runs [3]atomic.Int64
		head := NewValue(q, Position{Unit: 0}, grow(9, time.Second, &runs[0]))
		near := NewValue(q, Position{Unit: 1}, grow(2, 0, &runs[1]))
		far := NewValue(q, Position{Unit: 2}, grow(2, 0, &runs[2]))
		q.pushAll(head.Slot, near.Slot, far.Slot)
		for i, v := range []*Value[[]byte]{head, near, far} {
			if _, err := v.Get(t.Context()); err != nil {
				t.Fatalf("value %d: %v", i, err)
			}
			if v.v == nil {
				t.Errorf("value %d is not there", i)
			}
			if q.used > 12*mb {
				t.Errorf("%d bytes held", q.used)
			}
			v.Leave()
		}
		if runs[0].Load() != 1 || runs[1].Load() != 1 || runs[2].Load() != 2 {
			t.Errorf("fetched %d, %d and %d times; want the last one twice", runs[0].Load(), runs[1].Load(), runs[2].Load())
		}
	})
}

// After an error that ends everything nothing more is started, but what the
// reader asks for.
func TestQueueFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := fakeQueue(t, 1, 1<<20, 1<<20)
		defer q.Close()
		var later atomic.Int64
		bad := newSlot(q, Position{Unit: 0}, func(context.Context, *Slot) error { return errFatal })
		next := newSlot(q, Position{Unit: 1}, func(context.Context, *Slot) error { later.Add(1); return nil })
		q.pushAll(bad, next)
		if err := bad.wait(t.Context()); err != errFatal {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		if later.Load() != 0 {
			t.Error("something was started after the end")
		}
		if err := next.wait(t.Context()); err != nil || later.Load() != 1 {
			t.Errorf("error %v", err)
		}
	})
}

// A reader that leaves frees what its slot holds, at any stage of it.
func TestQueueLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := fakeQueue(t, 2, 1<<20, 1<<20)
		defer q.Close()
		hanging := newSlot(q, Position{Unit: 0}, func(ctx context.Context, s *Slot) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		blocked := bodyOf(q, Position{Unit: 1}, 8<<20, 0, nil)
		waits := bodyOf(q, Position{Unit: 2}, 8, 0, nil)
		q.pushAll(hanging, blocked, waits)
		synctest.Wait()
		for _, s := range []*Slot{waits, blocked, hanging} {
			s.Leave()
		}
		synctest.Wait()
		if q.used != 0 || q.running != 0 || len(q.waiting)+len(q.deferred)+len(q.blocked) != 0 {
			t.Errorf("%d bytes, %d running, %d waiting, %d deferred, %d blocked", q.used, q.running, len(q.waiting), len(q.deferred), len(q.blocked))
		}
	})
}

// A sequence makes its slots as they are needed, not all at once.
func TestSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := fakeQueue(t, 4, 20*slotCost, 40*slotCost)
		defer q.Close()
		made := 0
		c := NewSequence(q, 1000, func(i int) *Value[int] {
			made++
			return NewValue(q, Position{Part: i}, func(context.Context, *Slot) (int, error) { return i, nil })
		})
		q.mu.Lock()
		c.Open()
		q.StartFetches()
		q.mu.Unlock()
		synctest.Wait()
		if made > 30 {
			t.Errorf("%d slots made ahead of the reader", made)
		}
		for i := range 500 {
			s := c.Take()
			if v, err := s.Get(t.Context()); v != i || err != nil {
				t.Fatalf("slot %d: %d, %v", i, v, err)
			}
			s.Leave()
		}
		c.Close()
		synctest.Wait()
		if q.used != 0 || made > 540 {
			t.Errorf("%d bytes held, %d slots made", q.used, made)
		}
	})
}

// Texts of all lengths are cut at the same places, however they arrive.
func TestTextPieces(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, 70_000, pieceSize - 1, pieceSize, pieceSize + 1, 3*pieceSize + 5} {
		for _, size := range []int64{-1, int64(n)} {
			q := NewQueue(t.Context(), 4, func() bool { return false }, judge.Fatal)
			s := newSlot(q, Position{}, func(ctx context.Context, s *Slot) error {
				return s.fill(ctx, trickle(strings.NewReader(strings.Repeat("x", n))), size)
			})
			q.pushAll(s)
			var cuts []int
			for {
				p, err := s.Next(t.Context())
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				cuts = append(cuts, len(p))
				s.recycle(p)
			}
			for i, c := range cuts {
				if last := i == len(cuts)-1; !last && c != pieceSize || last && c != (n-1)%pieceSize+1 {
					t.Errorf("%d bytes, size %d: pieces %v", n, size, cuts)
				}
			}
			if n > 0 && len(cuts) != (n+pieceSize-1)/pieceSize || n == 0 && len(cuts) != 0 {
				t.Errorf("%d bytes, size %d: %d pieces", n, size, len(cuts))
			}
			s.Leave()
			if q.used != 0 {
				t.Errorf("%d bytes, size %d: %d held in the end", n, size, q.used)
			}
			q.Close()
		}
	}
}

// trickle returns a reader of r in uneven pieces.
func trickle(r io.Reader) io.Reader {
	n := 0
	return readerFunc(func(p []byte) (int, error) {
		n = (n*31 + 7) % 9973
		return r.Read(p[:min(len(p), n+1)])
	})
}

// Large values are not begun when there is no room for what they are expected to
// hold, however little they hold at first; small things after them are.
func TestQueueExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mb = 1 << 20
		q := fakeQueue(t, 8, 8*mb, 16*mb)
		defer q.Close()
		var running, most atomic.Int64
		var large []*Slot
		for i := range 4 {
			s := newSlot(q, Position{Unit: i}, func(ctx context.Context, s *Slot) error {
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				time.Sleep(time.Second)
				return s.reserve(ctx, 6*mb)
			})
			s.Expect = func() int64 { return 6 * mb }
			large = append(large, s)
		}
		small := newSlot(q, Position{Unit: 9}, func(context.Context, *Slot) error { return nil })
		q.pushAll(append(large, small)...)
		synctest.Wait()
		if most.Load() != 2 || small.state != done {
			t.Errorf("%d large ones at a time, want 2; small one %v", most.Load(), small.state)
		}
		for _, s := range large {
			if err := s.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if q.used > 20*mb {
				t.Errorf("%d bytes held", q.used)
			}
			s.Leave()
		}
		small.Leave()
		if q.used != 0 || q.aside != 0 {
			t.Errorf("%d bytes held in the end, %d set aside", q.used, q.aside)
		}
	})
}
