package index

import (
	"errors"
	"testing"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
)

// An index has the last entry of each hash.
func TestIndex(t *testing.T) {
	x := New[int](nil)
	const n = 10_000
	hash := func(i int) uint64 { return uint64(i%n) * 0x9e3779b97f4a7c15 }
	for i := range 2 * n {
		if err := x.Put(hash(i), i, 0); err != nil {
			t.Fatal(err)
		}
	}
	x.Seal()
	for i := range n {
		if v, ok := x.Get(hash(i)); !ok || v != n+i {
			t.Fatalf("entry %d: %d, %v; want %d", i, v, ok, n+i)
		}
	}
	if _, ok := x.Get(hash(n-1) + 1); ok || x.Len() != n {
		t.Errorf("%d entries, and one that was not put: %v", x.Len(), ok)
	}
	sum := 0
	x.Each(func(_ uint64, v int) { sum += v - n })
	if sum != n*(n-1)/2 {
		t.Errorf("all entries: sum %d", sum)
	}
}

// An index takes room ahead of its turn, and gives it back.
func TestIndexRoom(t *testing.T) {
	var turns flow.Turns
	first, second := turns.Join(), turns.Join()
	room := flow.NewBudget(1 << 20)
	fill := func(turn *flow.Turn) (*Index[[56]byte], int, error) {
		x := New[[56]byte](room.Share(turn))
		for i := range Max + 1 {
			if err := x.Put(uint64(i)<<40, [56]byte{}, 8); err != nil {
				return x, i, err
			}
		}
		return x, Max + 1, nil
	}
	for range 2 {
		x, n, err := fill(second)
		if !errors.Is(err, flow.ErrBusy) || n < 10_000 || n*72 > 1<<20 {
			t.Errorf("ahead of its turn: %d entries: %v", n, err)
		}
		x.Free()
	}
	if x, n, err := fill(first); !answer.Refused(err) || n != Max {
		t.Errorf("in its turn: %d entries: %v", n, err)
	} else {
		x.Free()
	}
}
