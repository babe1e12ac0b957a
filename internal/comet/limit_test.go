package comet

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// gauge is a fake network that takes a second for each request and notes how
// many are under way.
type gauge struct {
	mu        sync.Mutex
	now, most int
	status    func() int
}

func (g *gauge) answer(req *http.Request) (*http.Response, error) {
	g.mu.Lock()
	g.now++
	g.most = max(g.most, g.now)
	status := 200
	if g.status != nil {
		status = g.status()
	}
	g.mu.Unlock()
	time.Sleep(time.Second)
	g.mu.Lock()
	g.now--
	g.mu.Unlock()
	return reply(req, status, workspacesDoc), nil
}

// peak returns the most requests at once since the last call.
func (g *gauge) peak() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.most
	g.most = g.now
	return m
}

func many(t *testing.T, c *Client, n int) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := c.Workspaces.List(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gauge
		var counters transport.Counters
		c := offline(t, g.answer, func(o *api.Options) { o.MaxInFlight, o.Counters = 5, &counters })
		many(t, c, 8) // so that the server is known
		start := time.Now()
		many(t, c, 50)
		if p := g.peak(); p != 5 {
			t.Errorf("%d at once, want 5", p)
		}
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("took %v, want 10s", d)
		}
		if n := counters.Waiting.Load(); n != 0 {
			t.Errorf("%d still waiting", n)
		}
	})
}

// A server that has answered nothing yet is not asked for all at once.
func TestLimitGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gauge
		c := offline(t, g.answer, func(o *api.Options) { o.MaxInFlight = 16 })
		var wg sync.WaitGroup
		wg.Go(func() { many(t, c, 100) })
		for _, want := range []int{1, 2, 4, 8, 16, 16} {
			time.Sleep(500 * time.Millisecond)
			if p := g.peak(); p != want {
				t.Errorf("%d at once, want %d", p, want)
			}
			time.Sleep(500 * time.Millisecond)
			g.peak()
		}
		wg.Wait()
	})
}

// A request that others wait for passes the limit, also once it waits.
func TestLimitHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		started := make(chan string, 10)
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			started <- req.URL.Query().Get("experimentKey")
			<-hold
			return reply(req, 200, `{"tags":[]}`), nil
		}, func(o *api.Options) { o.MaxInFlight = 1 })
		var wg sync.WaitGroup
		ask := func(ctx context.Context, key string) {
			wg.Go(func() {
				if _, err := c.Experiments.Tags(ctx, key); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		head := make(chan struct{})
		ask(t.Context(), "first")
		ask(t.Context(), "waits")
		ask(transport.WithHead(t.Context(), head), "promoted")
		if len(started) != 1 {
			t.Fatalf("%d started, want 1", len(started))
		}
		close(head)
		synctest.Wait()
		ask(transport.WithHead(t.Context(), head), "at once")
		want := []string{"first", "promoted", "at once"}
		for _, w := range want {
			if got := <-started; got != w {
				t.Errorf("%q started, want %q", got, w)
			}
		}
		if len(started) != 0 {
			t.Errorf("%q started too", <-started)
		}
		close(hold)
		wg.Wait()
	})
}

// Reads, REST writes and the client library's writes each have their pace.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, func(req *http.Request) (*http.Response, error) { return reply(req, 200, savedDoc), nil },
			func(o *api.Options) { o.ReadRate, o.WriteRate = 2, rate.Limit(900.0/3600) })
		for _, tc := range []struct {
			name string
			do   func() error
			want time.Duration // for ten more
		}{
			{"read", func() error { _, err := c.Experiments.Tags(t.Context(), "k"); return err }, 5 * time.Second},
			{"write", func() error { return c.Experiments.AddTags(t.Context(), "k", nil) }, 40 * time.Second},
			{"write by GET", func() error { return c.Experiments.Archive(t.Context(), "k") }, 40 * time.Second},
			{"client library", func() error { return c.Experiments.ReportStatus(t.Context(), &Run{ID: "r", Key: "k"}, true, false) }, 0},
		} {
			time.Sleep(time.Hour)
			for range 2 { // use up the burst
				if err := tc.do(); err != nil {
					t.Fatal(err)
				}
			}
			start := time.Now()
			for range 10 {
				if err := tc.do(); err != nil {
					t.Fatal(err)
				}
			}
			if d := time.Since(start); d < tc.want-time.Millisecond || d > tc.want+time.Millisecond {
				t.Errorf("%s: ten took %v, want %v", tc.name, d, tc.want)
			}
		}
	})
}
