package flow

import (
	"testing"
	"testing/synctest"
)

// What there is no room for is read once more when its turn has come.
func TestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns Turns
		first, second := turns.Join(), turns.Join()
		room := NewBudget(10)
		mine := room.Share(first)
		if err := mine.Take(8); err != nil {
			t.Fatal(err)
		}
		readings := 0
		go func() {
			share := room.Share(second)
			_, err := InTurn(t.Context(), second, func() (int, error) {
				readings++
				return readings, share.Take(20)
			})
			if err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		if readings != 1 {
			t.Errorf("%d readings ahead of the turn", readings)
		}
		mine.Free()
		first.Leave()
		synctest.Wait()
		if readings != 2 {
			t.Errorf("%d readings once it is the first", readings)
		}
	})
}
