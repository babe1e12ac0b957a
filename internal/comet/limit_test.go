package comet

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

// A rate counts reads and writes together, in any hour no more than it allows, and
// leaves out what the client library writes where it is for the REST API alone.
func TestRate(t *testing.T) {
	calls := map[string]func(context.Context, *Client) error{
		"read":         func(ctx context.Context, c *Client) error { _, err := c.Experiments.Tags(ctx, "k"); return err },
		"write":        func(ctx context.Context, c *Client) error { return c.Experiments.AddTags(ctx, "k", nil) },
		"write by GET": func(ctx context.Context, c *Client) error { return c.Experiments.Archive(ctx, "k") },
	}
	library := func(ctx context.Context, c *Client) error {
		return c.Experiments.ReportStatus(ctx, &Run{ID: "r", Key: "k"}, true, false)
	}
	for _, restOnly := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := offline(t, func(req *http.Request) (*http.Response, error) { return reply(req, 200, savedDoc), nil },
				func(o *api.Options) { o.Rate = transport.Rate{PerSecond: 900. / 3600, Burst: 3, RESTOnly: restOnly} })
			start := time.Now()
			for name, call := range calls {
				for range 4 {
					if err := call(t.Context(), c); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
			if got, want := time.Since(start), 9*4*time.Second; got != want {
				t.Errorf("twelve took %v, want %v", got, want)
			}
			for range 5 {
				if err := library(t.Context(), c); err != nil {
					t.Error(err)
				}
			}
			want := 9 * 4 * time.Second
			if !restOnly {
				want += 5 * 4 * time.Second
			}
			if got := time.Since(start); got != want {
				t.Errorf("REST alone %v: all took %v, want %v", restOnly, got, want)
			}
		})
	}
}

// Processes with a share of a quota each stay within it together, whatever they ask.
func TestRateShares(t *testing.T) {
	const processes, quota = 8, 15000
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		var wg sync.WaitGroup
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for range processes {
			c := offline(t, func(req *http.Request) (*http.Response, error) {
				asked.Add(1)
				time.Sleep(20 * time.Millisecond)
				return reply(req, 200, savedDoc), nil
			}, func(o *api.Options) { o.Rate.PerSecond = 1800. / 3600 })
			for i := range 16 {
				wg.Go(func() {
					for err := error(nil); err == nil; {
						if i%2 == 0 {
							_, err = c.Experiments.Tags(ctx, "k")
						} else {
							err = c.Experiments.AddTags(ctx, "k", nil)
						}
					}
				})
			}
		}
		wg.Wait()
		if n := asked.Load(); n > quota || n < processes*1800 {
			t.Errorf("%d requests in an hour, want %d to %d", n, processes*1800, quota)
		}
	})
}
