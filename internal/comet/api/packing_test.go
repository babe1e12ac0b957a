package api

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// Of each wire that level is used that takes the least time, and others are tried
// seldom.
func TestPackingSuitsTheWire(t *testing.T) {
	// What a byte of JSON takes to be compressed, and what it becomes.
	type level struct{ nanoseconds, share float64 }
	of := [len(levels)]level{{0, 1}, {4, 0.13}, {16, 0.1}}
	for _, tt := range []struct {
		wire float64 // bytes a nanosecond
		want int
	}{
		{5, levelPlain}, {0.5, levelPlain}, {0.1, levelFast}, {0.02, levelFast}, {0.001, 2},
	} {
		p, used, last := newPacking(), [len(levels)]int{}, 0
		const n, bodies = 100_000, 20_000
		for i := range bodies {
			at := p.choose()
			if i >= bodies/2 {
				used[at]++
			}
			took := n * (of[at].nanoseconds + of[at].share/tt.wire)
			p.took(at, n, time.Duration(took))
			last = p.level
		}
		if others := bodies/2 - used[tt.want]; last != tt.want || others > bodies/200 {
			t.Errorf("a wire of %v bytes a nanosecond: level %d, and others for %d bodies of %d; want %d", tt.wire, levels[last], others, bodies/2, levels[tt.want])
		}
	}
}

// What bodies wait for on a machine that is busy, and more so at times, does not lead to
// another level.
func TestPackingOnABusyMachine(t *testing.T) {
	const runs, bodies = 6, 20_000
	var used [len(levels)]int
	for seed := range uint64(runs) {
		p, random := newPacking(), rand.New(rand.NewPCG(1, seed))
		for i := range bodies {
			at := p.choose()
			used[at]++
			busy := 2 + math.Sin(float64(i)/100)
			wait := random.ExpFloat64() * 100
			p.took(at, minTrialBody, time.Duration(minTrialBody*busy*(50+wait+[]float64{0, 4, 16}[at])))
		}
	}
	if used[levelPlain] < runs*bodies/2 || used[2] > runs*bodies/50 {
		t.Errorf("bodies of the levels: %d", used)
	}
}

// A wire that all bodies share may have room for one that is not compressed, but not for
// all.
func TestPackingOfAllBodies(t *testing.T) {
	p, used, share := newPacking(), [len(levels)]int{}, 0.0
	const bodies = 20_000
	for range bodies {
		at := p.choose()
		used[at]++
		size, pack := []float64{1, 0.13, 0.1}[at], []float64{0, 4, 16}[at]
		share += (size - share) / 64 // of the wire, by the last ones
		p.took(at, minTrialBody, time.Duration(minTrialBody*(pack+size*20*share)))
	}
	if used[levelPlain] > bodies/50 {
		t.Errorf("bodies of the levels: %d", used)
	}
}

// A wire that becomes another one is noticed, and one body that waits changes nothing.
func TestPackingFollowsTheWire(t *testing.T) {
	p := newPacking()
	run := func(bodies int, plain, packed time.Duration) int {
		for range bodies {
			at, took := p.choose(), packed
			if at == levelPlain {
				took = plain
			}
			p.took(at, minTrialBody, took)
		}
		return p.level
	}
	if got := run(1000, time.Millisecond, 5*time.Millisecond); got != levelPlain {
		t.Errorf("a fast wire has level %d", levels[got])
	}
	p.took(levelPlain, minTrialBody, time.Hour)
	if got := run(1000, time.Millisecond, 5*time.Millisecond); got != levelPlain {
		t.Errorf("a fast wire has level %d after a wait", levels[got])
	}
	if got := run(20_000, 40*time.Millisecond, 5*time.Millisecond); got == levelPlain {
		t.Errorf("a slow wire has no compression")
	}
}

// A body that a gateway might refuse for its length is compressed on any wire.
func TestPackingLongBodies(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want string
	}{{minTrialBody - 1, "gzip"}, {minTrialBody, ""}, {mostPlain, ""}, {mostPlain + 1, "gzip"}} {
		c := &Conn{packing: newPacking()}
		c.packing.level, c.packing.trialLevel = levelPlain, levelPlain
		err := c.packed(t.Context(), Call{}, func(_ context.Context, cl *Call) error {
			if got := cl.Body.encoding; got != tt.want {
				t.Errorf("%d bytes are sent as %q, want %q", tt.n, got, tt.want)
			}
			return nil
		}, [][]byte{make([]byte, tt.n)})
		if err != nil {
			t.Error(err)
		}
	}
}
