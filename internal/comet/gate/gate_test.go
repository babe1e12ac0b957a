package gate

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/filelock"
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
// it, and is seldom refused. So are several that share a gate.
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
// other, and none starves. Of 64, each may send one request in six seconds and waits
// for a minute at most, so that more are refused.
func TestGateApart(t *testing.T) {
	for processes, refused := range map[int]float64{4: 0.05, 16: 0.05, 64: 0.1} {
		for _, header := range []string{"", "1", "3"} {
			q := bucket(10, 50, header)
			t.Run(fmt.Sprint(q, " ", processes), func(t *testing.T) {
				n := int(3600*q.rate) / processes * processes
				out := meet(q, n, processes, false, 1)
				t.Logf("%.2f of the ideal, %.1f %% refused, fairness %.2f", out.took.Seconds()/q.ideal(n).Seconds(), 100*float64(out.refused)/float64(n), out.fairness)
				out.check(t, q, n, processes, 1.2, refused)
				if out.fairness < 0.85 {
					t.Errorf("fairness %.2f, want 0.85 at least", out.fairness)
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
		w := newWorld(bucket(10, 5, header), 1, n, false, 1)
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

// The same seed makes the same of a world.
func TestSimulation(t *testing.T) {
	q := bucket(10, 5, "3")
	if one, two := meet(q, 4000, 4, false, 7), meet(q, 4000, 4, false, 7); one != two {
		t.Errorf("%+v and %+v", one, two)
	}
}

// Gates with one file are as one from the first refusal on, and it is for its owner
// alone. A file that is damaged or old counts for nothing.
func TestGateFile(t *testing.T) {
	if !filelock.Supported {
		t.Skip("this system has no locks for it")
	}
	file := filepath.Join(t.TempDir(), "cache", "gate")
	gates := []*Gate{New(time.Hour, file), New(time.Hour, file), New(time.Hour, filepath.Join(t.TempDir(), "other"))}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Fatalf("there is a file before a refusal: %v", err)
	}
	sent := time.Now()
	if err := gates[0].Wait(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	gates[0].Refused(sent, 10*time.Minute)
	for i, wait := range []time.Duration{10 * time.Minute, 10 * time.Minute, 0} {
		if got := max(0, gates[i].Opens().Sub(sent)); got < wait || wait == 0 && got > 0 {
			t.Errorf("gate %d opens after %v, want %v", i, got, wait)
		}
	}
	hasty := New(time.Minute, file)
	if hasty.Opens().After(sent) {
		t.Error("a gate waits longer than it is to")
	}
	if hasty.Refused(sent, 10*time.Minute); gates[1].Opens().Sub(sent) < 10*time.Minute {
		t.Error("a gate that does not wait opens the others")
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info, err)
	}
	old, err := json.Marshal(kept{sent.Add(-time.Hour), pace{Limited: true, Rate: 1, Shut: sent.Add(-time.Minute)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "{", `{"Saved":1}`, "\x00\x01", string(old)} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		g := New(time.Hour, file)
		if g.Opens(); g.pace.Limited {
			t.Errorf("%q limits a gate", content)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	g := New(time.Hour, file)
	if g.Refused(sent, time.Minute); !g.Opens().After(sent) {
		t.Error("without a file to write, a refusal is forgotten")
	}
}

// Many gates with one file let nothing pass twice: each request of theirs is counted.
func TestGateFileCounts(t *testing.T) {
	if !filelock.Supported {
		t.Skip("this system has no locks for it")
	}
	file := filepath.Join(t.TempDir(), "gate")
	first := New(time.Hour, file)
	first.pace = pace{Limited: true, Rate: 1e5, Learnt: 20}
	leave := first.enter(true)
	leave()
	var wg sync.WaitGroup
	const gates, each = 4, 25
	for range gates {
		g := New(time.Hour, file)
		wg.Go(func() {
			for range each {
				if err := g.Wait(t.Context(), nil); err != nil {
					t.Error(err)
				}
				g.Taken(time.Now())
			}
		})
	}
	wg.Wait()
	if first.Opens(); first.pace.Run != gates*each || first.pace.Taken.Total != gates*each {
		t.Errorf("%d sent, %d taken, want %d", first.pace.Run, first.pace.Taken.Total, gates*each)
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
			for _, shared := range []bool{true, false} {
				n := int(math.Max(1800*q.rate, 2.5*q.burst)) / processes * processes
				out, ideal := meet(q, n, processes, shared, 1), q.ideal(n)
				wall, refused := out.took.Seconds()/ideal.Seconds(), 100*float64(out.refused)/float64(n)
				t.Logf("%-45s %2d processes, shared %-5v: %.2f of the ideal, %.1f %% refused, fairness %.2f, within the aim %v",
					q, processes, shared, wall, refused, out.fairness, wall <= 1.2 && refused <= 5)
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
