package gate

import (
	"fmt"
	"math"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// After a refusal nothing is sent for as long as the server asks, then one request
// alone, and the others only when that has been taken.
func TestGateProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(time.Hour, "")
		start := time.Now()
		for i := range 21 {
			if err := g.Wait(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if i < 20 {
				g.Taken(start)
			}
		}
		g.Refused(start, 3*time.Second)
		passed := make(chan time.Duration, 3)
		for range 3 {
			go func() {
				if err := g.Wait(t.Context(), nil); err != nil {
					t.Error(err)
				}
				passed <- time.Since(start)
			}()
		}
		first := <-passed
		if first < 3*time.Second || first > 4*time.Second {
			t.Errorf("the first passes after %v, want 3 s and a bit", first)
		}
		time.Sleep(time.Second)
		if n := len(passed); n > 0 {
			t.Errorf("%d more have passed before the first was taken", n)
		}
		g.Taken(start.Add(first))
		<-passed
		<-passed
	})
}

// check holds an outcome against shares of the ideal and of the requests.
func (o outcome) check(t *testing.T, q quota, n, processes int, wall, refused float64) {
	t.Helper()
	if got := o.took.Seconds() / q.ideal(n).Seconds(); got > wall {
		t.Errorf("took %v, %.2f of the ideal, want %.2f at most", o.took, got, wall)
	}
	// Of few requests, more are needed to learn from, and what several processes have
	// under way is refused together when a large quota ends.
	if most := max(refused*float64(n), 90+min(q.burst, float64(16*(processes-1)))); float64(o.refused) > most {
		t.Errorf("%d of %d refused, want %.0f at most", o.refused, n, most)
	}
}

// A process that meets a quota it does not know is nearly as fast as one that knows
// it, and is seldom refused. So are several that share a pace.
func TestGate(t *testing.T) {
	for _, q := range grid([]float64{1, 10}, []time.Duration{time.Second, time.Minute}, "", "1", "3", "date") {
		for _, processes := range []int{1, 4, 16} {
			t.Run(fmt.Sprint(q, " ", processes), func(t *testing.T) {
				n := int(1200*q.rate) / processes * processes
				out := meet(q, n, processes, true, 1)
				out.check(t, q, n, processes, 1.2, 0.05)
				if out.fairness < 0.85 {
					t.Errorf("fairness %.2f, want 0.85 at least", out.fairness)
				}
			})
		}
	}
}

// Processes that know nothing of each other, as on many machines, slow down for each
// other, and none starves. Of 64, each may send one request in six seconds, of which it
// has few to learn from, so that more are refused.
func TestGateApart(t *testing.T) {
	for processes, refused := range map[int]float64{4: 0.05, 16: 0.05, 64: 0.18} {
		for _, header := range []string{"", "1", "3"} {
			q := bucket(10, 50, header)
			t.Run(fmt.Sprint(q, " ", processes), func(t *testing.T) {
				n := int(3600*q.rate) / processes * processes
				out := meet(q, n, processes, false, 1)
				t.Logf("%.2f of the ideal, %.1f %% refused, fairness %.2f", out.took.Seconds()/q.ideal(n).Seconds(), 100*float64(out.refused)/float64(n), out.fairness)
				out.check(t, q, n, processes, 1.2, refused)
				if out.fairness < 0.8 {
					t.Errorf("fairness %.2f, want 0.8 at least", out.fairness)
				}
			})
		}
	}
}

// A few requests, which all came back at once and were refused again and again.
func TestGateFew(t *testing.T) {
	for header, most := range map[string]time.Duration{"1": 30 * time.Second, "3": 36 * time.Second} {
		out := meet(bucket(10, 5, header), 227, 1, false, 1)
		if out.took > most || out.refused > 25 {
			t.Errorf("header %q: took %v with %d refused, want %v and 25 at most", header, out.took, out.refused, most)
		}
	}
}

// What was taken while few requests were made is not what a server takes at once.
func TestGateAfterLittle(t *testing.T) {
	for _, header := range []string{"", "3"} {
		const n = 6000
		w := newWorld(bucket(10, 5, header), busy, 1, n, false, 1)
		now := epoch
		for range 4000 {
			w.processes[0].sent(now)
			w.processes[0].took(now)
			now = now.Add(time.Second / 5)
		}
		out := w.run(now)
		out.check(t, w.quota, n, 1, 1.2, 0.05)
	}
}

// A slow client that is refused now and then does not make those that share its pace
// slow as well.
func TestGateAmongSlow(t *testing.T) {
	for _, header := range []string{"", "1"} {
		const n = 30000
		q := bucket(100, 50, header)
		w := newWorld(q, busy, 4, n, true, 1)
		now := epoch
		for i := range 1200 {
			p := w.processes[0].pace
			if next := p.next(); next.After(now) {
				now = next
			}
			if p.sent(now); i%100 == 99 {
				w.share(w.processes[0])
				p.refused(now, now.Add(2*away), w.asks(now), 0.5)
			} else {
				p.took(now)
			}
			now = now.Add(time.Second / 2)
		}
		out := w.run(now)
		out.check(t, q, n, 4, 1.2, 0.05)
		t.Logf("header %q: %.2f of the ideal", header, out.took.Seconds()/q.ideal(n).Seconds())
	}
}

// What is refused by chance, at any rate, costs at most four times what the client and
// the waits for it take, and mostly less than twice. With waits that grow with all that
// is refused, or a rate that follows each refusal, it was up to 150 times as much.
// A client that is slow itself is not slowed down to less and less.
func TestGateChance(t *testing.T) {
	for name, c := range map[string]client{"16 busy": busy, "2 at 17 a second": {2, 100 * time.Millisecond}, "2 at 2 a second": {2, time.Second}} {
		for _, header := range []string{"", "1", "3"} {
			for _, chance := range []float64{0.01, 0.03, 0.1} {
				t.Run(fmt.Sprintf("%s, %g %%, header %q", name, 100*chance, header), func(t *testing.T) {
					const n = 3000
					var took, least time.Duration
					for seed := range 6 {
						out := newWorld(moody(chance, header), c, 1, n, false, uint64(seed)).run(epoch)
						took, least = took+out.took, least+c.free(n)+out.rests
					}
					if took > least*4 {
						t.Errorf("took %v, %.2f times what the waits and the client take", took, took.Seconds()/least.Seconds())
					}
				})
			}
		}
	}
}

// Where a quota and chance meet, the quota is still found, and not only how often
// something is refused.
func TestGateQuotaAndChance(t *testing.T) {
	for _, q := range grid([]float64{10}, []time.Duration{time.Minute}, "", "1", "3") {
		q.chance = 0.01
		const n = 9000
		out := newWorld(q, busy, 1, n, false, 1).run(epoch)
		if least := q.ideal(n) + out.rests; out.took > least*6 {
			t.Errorf("%v: took %v, %.2f times what the quota and the waits take", q, out.took, out.took.Seconds()/least.Seconds())
		}
	}
}

// The same seed makes the same of a world.
func TestSimulation(t *testing.T) {
	q := bucket(10, 5, "3")
	if one, two := meet(q, 4000, 4, false, 7), meet(q, 4000, 4, false, 7); one != two {
		t.Errorf("%+v and %+v", one, two)
	}
}

// TestGateGrid prints what any number of processes make of any quota, in the rows of
// docs/benchmarks.md.
func TestGateGrid(t *testing.T) {
	if os.Getenv("COMET_STREAM_TORTURE") == "" {
		t.Skip("COMET_STREAM_TORTURE=1 runs the whole grid, which takes some minutes")
	}
	for _, q := range grid([]float64{1, 10, 100}, []time.Duration{time.Second, time.Minute, time.Hour}, "", "1", "3", "60", "date") {
		for _, processes := range []int{1, 4, 16} {
			for _, together := range []bool{true, false} {
				n := int(math.Max(1800*q.rate, 2.5*q.burst)) / processes * processes
				out, ideal := meet(q, n, processes, together, 1), q.ideal(n)
				wall, refused := out.took.Seconds()/ideal.Seconds(), 100*float64(out.refused)/float64(n)
				t.Logf("%-45s %2d processes, %s: %.2f of the ideal, %.1f %% refused, fairness %.2f, within the aim %v",
					q, processes, map[bool]string{true: "one machine", false: "apart"}[together], wall, refused, out.fairness, wall <= 1.2 && refused <= 5)
			}
		}
	}
}

// Where each refusal costs a minute by the word of the server, the time that it takes
// to learn shows in half an hour, and little of it in four.
func TestGateMinutes(t *testing.T) {
	for _, q := range grid([]float64{1, 10}, []time.Duration{time.Second, time.Minute, time.Hour}, "60") {
		t.Run(q.String(), func(t *testing.T) {
			n := int(4 * 3600 * q.rate)
			meet(q, n, 1, false, 1).check(t, q, n, 1, 1.25, 0.05)
		})
	}
}
