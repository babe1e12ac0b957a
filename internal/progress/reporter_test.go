package progress

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// buffer is a bytes.Buffer that several goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.b.Reset()
	return b.b.String()
}

func TestReporterPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		var c Counters
		traffic := func() Traffic { return Traffic{Requests: 7} }
		r := Start(&out, &c, Options{Tool: "tool", Interval: time.Minute, Traffic: traffic})
		c.Experiments.Add(2)
		time.Sleep(time.Minute)
		synctest.Wait()
		c.Experiments.Add(1)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := out.take(), "tool: 2000-01-01T00:01:00Z 2 experiments, 7 requests, 1m0s\ntool: 2000-01-01T00:02:00Z 3 experiments, 7 requests, 2m0s\n"; got != want {
			t.Errorf("two intervals: %q, want %q", got, want)
		}
		r.Close()
		r.Close()
		time.Sleep(time.Hour)
		if got := out.take(); got != "" {
			t.Errorf("after Close: %q", got)
		}
		r.Summary()
		if got, want := out.take(), "tool: 3 experiments, 7 requests, 1h2m0s\n"; got != want {
			t.Errorf("summary: %q, want %q", got, want)
		}
	})
}

func TestReporterLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		var c Counters
		var width atomic.Int64
		r := Start(&out, &c, Options{Tool: "tool", Mode: Line, Width: func() int { return int(width.Load()) }})
		step := func(what, want string) {
			t.Helper()
			synctest.Wait()
			if got := out.take(); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		step("before the first interval", "")
		r.Info("early")
		step("a message with no status line", "tool: early\n")
		time.Sleep(lineInterval)
		step("first status line", "\r\x1b[K0 experiments, 0s")
		r.Warn("asset %q", "a\x1b[2J")
		step("a message wipes the line", "\r\x1b[Ktool: warning: asset \"a\\x1b[2J\"\n")
		r.Info("more")
		step("and only once", "tool: more\n")
		width.Store(8)
		time.Sleep(lineInterval)
		step("a narrow terminal", "\r\x1b[K0 exper")
		width.Store(16)
		time.Sleep(lineInterval)
		step("no half of a part", "\r\x1b[K0 experiments")
		r.Close()
		step("Close wipes", "\r\x1b[K")
		r.Info("late")
		step("after Close", "tool: late\n")
	})
}

func TestReporterLevels(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts Options
		want string
	}{
		{"default", Options{}, "tool: info\ntool: warning: warn\ntool: 0 experiments, 0s\n"},
		{"quiet", Options{Quiet: true}, "tool: warning: warn\n"},
		{"verbose", Options{Verbose: true}, "tool: info\ntool: warning: warn\ntool: debug: debug\ntool: debug: msg=logged path=\"/a b\\x1b[2J\" status=200\ntool: 0 experiments, 0s\n"},
		{"none", Options{Mode: None}, "tool: info\ntool: warning: warn\ntool: 0 experiments, 0s\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out buffer
				tt.opts.Tool = "tool"
				r := Start(&out, new(Counters), tt.opts)
				r.Info("info")
				r.Warn("warn")
				r.Debug("debug")
				r.Logger().Warn("logged", "path", "/a b\x1b[2J", "status", 200)
				r.Summary()
				r.Close()
				if got := out.take(); got != tt.want {
					t.Errorf("printed %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestReporterQuietShowsNoProgress(t *testing.T) {
	for _, mode := range []Mode{Plain, Line, None} {
		synctest.Test(t, func(t *testing.T) {
			var out buffer
			r := Start(&out, new(Counters), Options{Mode: mode, Quiet: true})
			time.Sleep(time.Hour)
			synctest.Wait()
			r.Close()
			if got := out.take(); got != "" {
				t.Errorf("mode %d: %q", mode, got)
			}
		})
	}
}

// Lines of many goroutines must not run into each other.
func TestReporterConcurrent(t *testing.T) {
	var out buffer
	var c Counters
	r := Start(&out, &c, Options{Tool: "t", Mode: Line})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				c.Points.Add(1)
				r.Info("line")
			}
		})
	}
	wg.Wait()
	r.Close()
	got := strings.ReplaceAll(out.take(), wipe, "")
	if n := strings.Count(got, "t: line\n"); n != 400 {
		t.Errorf("%d whole lines of 400", n)
	}
}

// A status line says first what matters most: the waiting that a server has asked
// for, how far it has come, how long it will take, how fast.
func TestReporterPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		var c Counters
		r := Start(&out, &c, Options{Tool: "tool", Mode: Line, Width: func() int { return 200 }})
		defer r.Close()
		look := func(what, want string) {
			t.Helper()
			time.Sleep(lineInterval)
			synctest.Wait()
			lines := strings.Split(out.take(), wipe)
			if got := lines[len(lines)-1]; got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		c.Planned.Store(8)
		look("at first", "0%, 0 of 8 experiments, 0s")
		for range 40 {
			time.Sleep(500 * time.Millisecond)
			c.Bytes.Add(1 << 20)
		}
		c.Experiments.Store(2)
		look("under way", "25%, 1m1s left, 2.0 MiB/s, 2 of 8 experiments, 40.0 MiB, 20s")
		r.Wait("429", time.Now().UTC().Add(30*time.Second))
		look("asked to wait", "waiting until 00:00:50, 25%, 1m2s left, 2.0 MiB/s, 2 of 8 experiments, 40.0 MiB, 21s")
		time.Sleep(30 * time.Second)
		look("after it", "25%, 2m32s left, 2 of 8 experiments, 40.0 MiB, 51s")
		c.Size.Store(50 << 20)
		look("of a file", "80%, 13s left, 2 of 8 experiments, 40.0 MiB, 51s")
	})
}

// On a terminal each message clears the line that it is written into, in one
// write: the status line of another tool may occur there.
func TestReporterSharesATerminal(t *testing.T) {
	var writes []string
	r := Start(writer(func(p []byte) { writes = append(writes, string(p)) }), new(Counters), Options{Tool: "a", Mode: None, Terminal: true})
	r.Info("one")
	r.Warn("two")
	r.Close()
	if want := []string{wipe + "a: one\n", wipe + "a: warning: two\n"}; !slices.Equal(writes, want) {
		t.Errorf("writes %q, want %q", writes, want)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}
