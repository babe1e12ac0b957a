package reconcile

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// TestSettle reads until readings agree, or one is enough, and not forever.
func TestSettle(t *testing.T) {
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		shown []int // by each reading; the last one by all that follow
		want  int
		reads int
		err   error
	}{
		"at once":        {[]int{4}, 4, Agreeing, nil},
		"nothing":        {[]int{0}, 0, Agreeing, nil},
		"lags behind":    {[]int{1, 1, 2, 1, 1, 3}, 3, 5 + Agreeing, nil},
		"enough":         {[]int{1, 99}, 99, 2, nil},
		"is not read":    {[]int{1, -1}, -1, 2, broken},
		"never the same": {nil, maxReadings, maxReadings, ErrRestless},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &Destination{Settle: time.Second}
				begun, reads := time.Now(), 0
				got, err := Settle(t.Context(), d.Pause, Agreeing, func(int) (v int, enough bool, err error) {
					reads++
					if v = reads; tt.shown != nil {
						v = tt.shown[min(reads, len(tt.shown))-1]
					}
					if v < 0 {
						err = broken
					}
					return v, v == 99, err
				})
				if got != tt.want || reads != tt.reads || !errors.Is(err, tt.err) {
					t.Errorf("got %d, %v after %d readings, want %d, %v after %d", got, err, reads, tt.want, tt.err, tt.reads)
				}
				if took := time.Since(begun); took != time.Duration(tt.reads-1)*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestCertain repeats a write for as long as it is uncertain whether it was done.
func TestCertain(t *testing.T) {
	lost := errors.Join(comet.ErrUncertain)
	gaveUp := errors.Join(comet.ErrUncertain, comet.ErrServer)
	refused := errors.New("refused")
	for name, tt := range map[string]struct {
		first, then error
		done        Extent
		again       bool
		writes      int // beside the first
		want        error
	}{
		"done":           {nil, nil, None, true, 0, nil},
		"refused":        {refused, nil, None, true, 0, refused},
		"done and lost":  {lost, refused, All, true, 0, nil},
		"some of it":     {lost, nil, Partly, true, 1, nil},
		"not done":       {lost, nil, None, true, 1, nil},
		"then refused":   {lost, refused, None, true, 1, refused},
		"lost for ever":  {lost, lost, None, true, maxUncertain - 1, lost},
		"client gave up": {gaveUp, nil, None, true, 0, gaveUp},
		"only once":      {lost, nil, None, false, 0, lost},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Destination{Client: new(comet.Client)}
			writes := 0
			again := func() error {
				writes++
				return tt.then
			}
			if !tt.again {
				again = nil
			}
			err := d.Certain(t.Context(), tt.first, func() (Extent, error) { return tt.done, nil }, again)
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil || writes != tt.writes {
				t.Errorf("got %v after %d more writes, want %v after %d", err, writes, tt.want, tt.writes)
			}
		})
	}
}

// TestSettleEnds ends with the work.
func TestSettleEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &Destination{Settle: time.Hour}
	_, err := Settle(ctx, d.Pause, 2, func(int) (int, bool, error) {
		cancel()
		return 0, false, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
