package progress

import (
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
		}, "tool: warning: a.example: no request has succeeded for 5s: b; retrying\ntool: warning: a.example: answers again after 13s\n"},
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
		}, "tool: warning: a.example: no request has succeeded for 5s: a; retrying\ntool: warning: a.example: answers again after 6s\ntool: warning: a.example: no request has succeeded for 5s: a; retrying\ntool: warning: a.example: answers again after 6s\n"},
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
		}, "tool: warning: a.example: no request has succeeded for 5s: a; retrying\n"},
		{"successes alone", func(tr *Trouble) {
			tr.Succeeded()
			time.Sleep(10 * second)
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out buffer
				tr := Start(&out, new(Counters), Options{Tool: "tool", Mode: None}).NewTrouble("a.example")
				tt.steps(tr)
				synctest.Wait()
				tr.Close()
				if got := out.take(); got != tt.want {
					t.Errorf("told %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// Of waits that begin close to each other and end so, one is told.
func TestWaits(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name  string
		quiet bool
		steps func(*Reporter)
		want  string
	}{
		{"one", false, func(w *Reporter) { w.Wait("a", time.Now().UTC().Add(20*second)) },
			"tool: waiting until 00:00:20 (20s): a\n"},
		{"a day", false, func(w *Reporter) { w.Wait("a", time.Now().UTC().Add(24*time.Hour)) },
			"tool: waiting until 2000-01-02 00:00:00 (24h0m0s): a\n"},
		{"many at once", false, func(w *Reporter) {
			for i := range 10 {
				w.Wait("a", time.Now().UTC().Add(time.Duration(20+i)*second))
			}
		}, "tool: waiting until 00:00:20 (20s): a\n"},
		{"a longer one", false, func(w *Reporter) {
			w.Wait("a", time.Now().UTC().Add(20*second))
			w.Wait("b", time.Now().UTC().Add(100*second))
		}, "tool: waiting until 00:00:20 (20s): a\ntool: waiting until 00:01:40 (1m40s): b\n"},
		{"one after the other", false, func(w *Reporter) {
			for range 6 {
				w.Wait("a", time.Now().UTC().Add(20*second))
				time.Sleep(20 * second)
			}
		}, "tool: waiting until 00:00:20 (20s): a\ntool: waiting until 00:01:20 (20s): a\n"},
		{"quiet", true, func(w *Reporter) { w.Wait("a", time.Now().UTC().Add(20*second)) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out buffer
				r := Start(&out, new(Counters), Options{Tool: "tool", Mode: None, Quiet: tt.quiet})
				defer r.Close()
				tt.steps(r)
				if got := out.take(); got != tt.want {
					t.Errorf("told %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestTroubleConcurrent(t *testing.T) {
	var out buffer
	tr := Start(&out, new(Counters), Options{Mode: None}).NewTrouble("a")
	tr.after = time.Nanosecond
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
	text := out.take()
	if lasting, over := strings.Count(text, "still trying"), strings.Count(text, "works again"); lasting != over {
		t.Errorf("%d troubles were announced, and %d are over", lasting, over)
	}
}
