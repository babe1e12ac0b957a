package gate

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// quota is how many requests a server takes: burst at once and then rate a second,
// or burst in each window of time.
type quota struct {
	rate   float64
	burst  float64
	window time.Duration
	// header is what a refusal says: nothing, seconds to wait, or "date" for the
	// second in which there is room again.
	header string
}

// bucket and windowed are the two kinds of quota.
func bucket(rate, burst float64, header string) quota { return quota{rate, burst, 0, header} }

func windowed(rate float64, window time.Duration, header string) quota {
	return quota{rate, rate * window.Seconds(), window, header}
}

func (q quota) String() string {
	kind := fmt.Sprintf("burst %g", q.burst)
	if q.window > 0 {
		kind = fmt.Sprintf("window %v", q.window)
	}
	return fmt.Sprintf("%g a second, %s, header %q", q.rate, kind, q.header)
}

// ideal returns how long n requests take who knows the quota.
func (q quota) ideal(n int) time.Duration {
	seconds := (float64(n) - q.burst) / q.rate
	if q.window > 0 {
		seconds = float64((n-1)/int(q.burst)) * q.window.Seconds()
	}
	return time.Duration(seconds * float64(time.Second))
}

// limited is a server with a quota, 10 ms away.
type limited struct {
	quota
	mu      sync.Mutex
	tokens  float64
	last    time.Time
	refused int
}

func (l *limited) take(now time.Time) bool {
	switch {
	case l.last.IsZero():
		l.last, l.tokens = now, l.burst
	case l.window == 0:
		l.tokens = min(l.burst, l.tokens+now.Sub(l.last).Seconds()*l.rate)
		l.last = now
	case now.Sub(l.last) >= l.window:
		l.last = l.last.Add(now.Sub(l.last).Truncate(l.window))
		l.tokens = l.burst
	}
	if l.tokens < 1-1e-9 {
		return false
	}
	l.tokens--
	return true
}

func (l *limited) asks(now time.Time) time.Duration {
	if l.header != "date" {
		seconds, _ := strconv.Atoi(l.header)
		return time.Duration(seconds) * time.Second
	}
	free := now.Add(time.Second)
	if l.window > 0 {
		free = l.last.Add(l.window)
	}
	return free.Add(time.Second - 1).Truncate(time.Second).Sub(now)
}

// answer reports whether the server takes a request, and for how long it asks to
// wait.
func (l *limited) answer() (taken bool, asked time.Duration) {
	time.Sleep(10 * time.Millisecond)
	defer time.Sleep(10 * time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if taken = l.take(now); !taken {
		l.refused++
		asked = l.asks(now)
	}
	return taken, asked
}

// outcome is what n requests of some processes came to.
type outcome struct {
	took    time.Duration
	refused int
}

// meet sends n requests to a server with a quota, from processes with 16 workers
// each, and each request until it is taken.
func meet(t *testing.T, q quota, n, processes int) (out outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &limited{quota: q}
		start := time.Now()
		var wg sync.WaitGroup
		for range processes {
			wg.Go(func() { crowd(t, New(90*time.Minute), l, n/processes) })
		}
		wg.Wait()
		out = outcome{time.Since(start), l.refused}
	})
	return out
}

// usual is the middle of what five of meet come to: waits are random.
func usual(t *testing.T, q quota, n, processes int) outcome {
	t.Helper()
	var took []time.Duration
	var refused []int
	for range 5 {
		out := meet(t, q, n, processes)
		took, refused = append(took, out.took), append(refused, out.refused)
	}
	slices.Sort(took)
	slices.Sort(refused)
	return outcome{took[2], refused[2]}
}

// crowd lets 16 workers send n requests, and returns how long that takes.
func crowd(t *testing.T, g *Gate, l *limited, n int) time.Duration {
	start := time.Now()
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	close(left)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range left {
				for !ask(t, g, l) {
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// ask sends one request, and reports whether it was taken.
func ask(t *testing.T, g *Gate, l *limited) bool {
	if err := g.Wait(t.Context(), nil); err != nil {
		t.Error(err)
		return true
	}
	sent := time.Now()
	taken, asked := l.answer()
	if taken {
		g.Taken(sent)
	} else {
		g.Refused(sent, asked)
	}
	return taken
}

// grid returns the quotas of all rates and kinds with all headers.
func grid(rates []float64, windows []time.Duration, headers ...string) (all []quota) {
	for _, r := range rates {
		for _, header := range headers {
			for _, burst := range []float64{1, 5, 50} {
				all = append(all, bucket(r, burst, header))
			}
			for _, window := range windows {
				all = append(all, windowed(r, window, header))
			}
		}
	}
	return all
}

// A process that meets a quota it does not know is nearly as fast as one that knows
// it, and is seldom refused.
func TestGate(t *testing.T) {
	for _, q := range grid([]float64{1, 10}, []time.Duration{time.Second, time.Minute}, "", "1", "3", "date") {
		t.Run(q.String(), func(t *testing.T) {
			n := int(1200 * q.rate)
			out := usual(t, q, n, 1)
			if most := q.ideal(n) * 6 / 5; out.took > most {
				t.Errorf("took %v, want %v at most", out.took, most)
			}
			// Of few requests, more are needed to learn from.
			if most := max(n/20, 90); out.refused > most {
				t.Errorf("%d of %d refused, want %d at most", out.refused, n, most)
			}
		})
	}
}

// The processes that share a quota slow down for each other, and none starves.
func TestGateShared(t *testing.T) {
	for _, header := range []string{"", "1", "3"} {
		for _, processes := range []int{4, 16} {
			q := bucket(10, 5, header)
			t.Run(fmt.Sprint(q, " ", processes), func(t *testing.T) {
				n := int(1800 * q.rate)
				out := usual(t, q, n, processes)
				if most := q.ideal(n) * 13 / 10; out.took > most {
					t.Errorf("took %v, want %v at most", out.took, most)
				}
				if most := n / 16; out.refused > most {
					t.Errorf("%d of %d refused, want %d at most", out.refused, n, most)
				}
			})
		}
	}
}

// After a refusal nothing is sent for as long as the server asks, then one request
// alone, and the others only when that has been taken.
func TestGateProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(time.Hour)
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

// A few requests, which all came back at once and were refused again and again.
func TestGateFew(t *testing.T) {
	for header, most := range map[string]time.Duration{"1": 30 * time.Second, "3": 36 * time.Second} {
		out := meet(t, bucket(10, 5, header), 227, 1)
		t.Logf("header %q: %v, %d refused", header, out.took, out.refused)
		if out.took > most || out.refused > 25 {
			t.Errorf("took %v with %d refused, want %v and 25 at most", out.took, out.refused, most)
		}
	}
}

// What was taken while few requests were made is not what a server takes at once.
func TestGateAfterLittle(t *testing.T) {
	for _, header := range []string{"", "3"} {
		synctest.Test(t, func(t *testing.T) {
			l := &limited{quota: bucket(10, 5, header)}
			g := New(90 * time.Minute)
			for range 4000 {
				ask(t, g, l)
				time.Sleep(time.Second / 5)
			}
			const n = 6000
			out := crowd(t, g, l, n)
			if most := l.ideal(n) * 6 / 5; out > most {
				t.Errorf("header %q: took %v, want %v at most", header, out, most)
			}
			if l.refused > n/20 {
				t.Errorf("header %q: %d refused", header, l.refused)
			}
		})
	}
}

// TestGateGrid prints what any number of processes make of any quota.
func TestGateGrid(t *testing.T) {
	if os.Getenv("COMET_STREAM_TORTURE") == "" {
		t.Skip("COMET_STREAM_TORTURE=1 runs the whole grid, which takes some minutes")
	}
	for _, q := range grid([]float64{1, 10, 100}, []time.Duration{time.Second, time.Minute, time.Hour}, "", "1", "3", "60", "date") {
		for _, processes := range []int{1, 4, 16} {
			n := int(math.Max(1800*q.rate, 2.5*q.burst))
			out := meet(t, q, n, processes)
			ideal := q.ideal(n)
			t.Logf("%-45s %2d processes: %7d requests in %6.0f s, %.2f of the ideal, %s %% refused", q, processes, n, out.took.Seconds(),
				out.took.Seconds()/ideal.Seconds(), strconv.FormatFloat(100*float64(out.refused)/float64(n), 'f', 1, 64))
		}
	}
}
