package progress

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTrouble(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name  string
		steps func(*Trouble)
		want  string
	}{
		{"one failure, then a success", func(tr *Trouble) {
			tr.Failed("a")
			time.Sleep(4 * second)
			tr.Succeeded()
			time.Sleep(10 * second)
		}, ""},
		{"one that lasts", func(tr *Trouble) {
			tr.Failed("a")
			time.Sleep(3 * second)
			tr.Failed("b")
			time.Sleep(10 * second)
			tr.Failed("c")
			tr.Succeeded()
			tr.Succeeded()
		}, "lasts 5s: b; over after 13s; "},
		{"failures with successes between them", func(tr *Trouble) {
			for range 10 {
				tr.Failed("a")
				time.Sleep(3 * second)
				tr.Succeeded()
			}
		}, ""},
		{"two of them", func(tr *Trouble) {
			for range 2 {
				tr.Failed("a")
				time.Sleep(6 * second)
				tr.Succeeded()
			}
		}, "lasts 5s: a; over after 6s; lasts 5s: a; over after 6s; "},
		{"closed before it lasts", func(tr *Trouble) {
			tr.Failed("a")
			tr.Close()
			time.Sleep(10 * second)
		}, ""},
		{"closed while it lasts", func(tr *Trouble) {
			tr.Failed("a")
			time.Sleep(6 * second)
			tr.Close()
			tr.Succeeded()
		}, "lasts 5s: a; "},
		{"successes alone", func(tr *Trouble) {
			tr.Succeeded()
			time.Sleep(10 * second)
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told strings.Builder
				tr := NewTrouble(0,
					func(cause string, lasting time.Duration) { fmt.Fprintf(&told, "lasts %s: %s; ", lasting, cause) },
					func(lasted time.Duration) { fmt.Fprintf(&told, "over after %s; ", lasted) })
				tt.steps(tr)
				synctest.Wait()
				tr.Close()
				if told.String() != tt.want {
					t.Errorf("told %q, want %q", &told, tt.want)
				}
			})
		})
	}
}

func TestTroubleOfReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		r := Start(&out, new(Counters), Options{Tool: "tool", Mode: None})
		tr := r.NewTrouble("https://a.example/")
		tr.Failed("503 Service Unavailable")
		time.Sleep(time.Minute)
		synctest.Wait()
		tr.Succeeded()
		r.Close()
		want := "tool: warning: https://a.example/: nothing has succeeded for 5s: 503 Service Unavailable; still trying\n" +
			"tool: warning: https://a.example/: works again after 1m0s\n"
		if got := out.take(); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// Of waits that begin close to each other and end so, one is told.
func TestWaits(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name  string
		quiet bool
		steps func(*Waits)
		want  string
	}{
		{"one", false, func(w *Waits) { w.Begin("a", time.Now().UTC().Add(20*second)) },
			"tool: waiting until 00:00:20 (20s): a\n"},
		{"a day", false, func(w *Waits) { w.Begin("a", time.Now().UTC().Add(24*time.Hour)) },
			"tool: waiting until 2000-01-02 00:00:00 (24h0m0s): a\n"},
		{"many at once", false, func(w *Waits) {
			for i := range 10 {
				w.Begin("a", time.Now().UTC().Add(time.Duration(20+i)*second))
			}
		}, "tool: waiting until 00:00:20 (20s): a\n"},
		{"a longer one", false, func(w *Waits) {
			w.Begin("a", time.Now().UTC().Add(20*second))
			w.Begin("b", time.Now().UTC().Add(100*second))
		}, "tool: waiting until 00:00:20 (20s): a\ntool: waiting until 00:01:40 (1m40s): b\n"},
		{"one after the other", false, func(w *Waits) {
			for range 6 {
				w.Begin("a", time.Now().UTC().Add(20*second))
				time.Sleep(20 * second)
			}
		}, "tool: waiting until 00:00:20 (20s): a\ntool: waiting until 00:01:20 (20s): a\n"},
		{"quiet", true, func(w *Waits) { w.Begin("a", time.Now().UTC().Add(20*second)) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out buffer
				r := Start(&out, new(Counters), Options{Tool: "tool", Mode: None, Quiet: tt.quiet})
				defer r.Close()
				tt.steps(r.NewWaits())
				if got := out.take(); got != tt.want {
					t.Errorf("told %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestTroubleConcurrent(t *testing.T) {
	var told int
	tr := NewTrouble(time.Nanosecond, func(string, time.Duration) { told++ }, func(time.Duration) { told-- })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				tr.Failed("a")
				tr.Succeeded()
			}
		})
	}
	wg.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if told != 0 {
		t.Errorf("%d troubles were announced and are not over", told)
	}
}
