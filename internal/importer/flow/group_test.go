package flow

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/stream"
)

// fullBudget returns a group where others have all the room, and a small record.
func fullBudget(t *testing.T) (*Group, stream.Raw) {
	i := NewRecordBudget()
	i.take(queuedMemory)
	raw, err := stream.Encode(&stream.Chunk{Data: make([]byte, stream.MaxData)})
	if err != nil {
		t.Fatal(err)
	}
	return NewGroup(i), raw
}

// A group gets a small record even where others have all the room.
func TestGroupSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, raw := fullBudget(t)
		sent := 0
		go func() {
			for range 3 {
				if err := g.Send(t.Context(), raw); err != nil {
					t.Error(err)
				}
				sent++
			}
			g.End(true)
		}()
		synctest.Wait()
		if sent != 1 {
			t.Errorf("%d records sent while nobody takes them, want 1", sent)
		}
		n := 0
		if err := g.Each(func(stream.Record) error { n++; time.Sleep(time.Second); return nil }); err != nil || n != 3 {
			t.Errorf("%d records: %v", n, err)
		}
	})
}

// A record that waits for the spare place takes the room that comes back.
func TestGroupRoomComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, raw := fullBudget(t)
		sent := 0
		go func() {
			for range 4 {
				if g.Send(t.Context(), raw) == nil {
					sent++
				}
			}
		}()
		synctest.Wait()
		g.budget.give(2 * cost(raw))
		synctest.Wait()
		if sent != 3 {
			t.Errorf("%d records sent, want one in the spare place and two in the room that came back", sent)
		}
	})
}
