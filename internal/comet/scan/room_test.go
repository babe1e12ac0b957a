package scan

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Without a budget large answers are held one at a time, small ones beside them;
// who waits for long fails as if the server had not answered.
func TestLargeTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := make(chan struct{}, 1)
		first, second := NewRoom(t.Context(), turn, MaxDocument, 0), NewRoom(t.Context(), turn, MaxDocument, 0)
		if err := errors.Join(first.Grow(SmallAnswer+1), first.Grow(2*SmallAnswer), second.Grow(SmallAnswer)); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			began := time.Now()
			if err := second.Grow(SmallAnswer + 1); err != nil || time.Since(began) != time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
		time.Sleep(time.Second)
		first.Done()
		wg.Wait()
		third := NewRoom(t.Context(), turn, MaxDocument, 0)
		if err := third.Grow(SmallAnswer + 1); err != errBusy {
			t.Errorf("got %v", err)
		}
		second.Done()
		if err := third.Grow(SmallAnswer + 1); err != nil {
			t.Error(err)
		}
	})
}
