package comet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// readMany reads items of a server with 16 of them under way, and returns which
// were lost, and how long it took.
func readMany(ctx context.Context, n int, read func(i int) error) (lost []int, took time.Duration) {
	start := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan int)
	for range 16 {
		wg.Go(func() {
			for i := range next {
				if err := read(i); err != nil {
					mu.Lock()
					lost = append(lost, i)
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return lost, time.Since(start)
}

// readNumbered reads the asset of a number to its end.
func readNumbered(ctx context.Context, c *Client, i int) error {
	b, err := c.Assets.Content(ctx, api.AssetRequest{ID: fmt.Sprint(i)})
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = io.Copy(io.Discard, b)
	return err
}

// A tenth of a second is what a request takes.
const latency = time.Second / 10

// assets is a fake network whose assets fail as fails says, given the number of
// the try. Everything else is well.
func assets(fails func(id string, try int) bool) (fake, *atomic.Int64) {
	var mu sync.Mutex
	var requests atomic.Int64
	tries := make(map[string]int)
	return func(req *http.Request) (*http.Response, error) {
		requests.Add(1)
		time.Sleep(latency)
		id := req.URL.Query().Get("assetId")
		mu.Lock()
		tries[id]++
		try := tries[id]
		mu.Unlock()
		if id != "" && fails(id, try) {
			return reply(req, 500, `{"msg":"NullPointerException"}`), nil
		}
		return reply(req, 200, wellDoc), nil
	}, &requests
}

// Broken items among others cost little, and no others.
func TestBrokenAmongOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, requests := assets(func(id string, _ int) bool { return strings.HasSuffix(id, "0") || strings.HasSuffix(id, "5") })
		c := offline(t, network)
		lost, took := readMany(t.Context(), 200, func(i int) error { return readNumbered(t.Context(), c, i) })
		if len(lost) != 40 {
			t.Errorf("%d lost, want the 40 broken ones", len(lost))
		}
		if took > 30*time.Second || requests.Load() > 160+40*7 {
			t.Errorf("%d requests in %v", requests.Load(), took)
		}
	})
}

// Nothing but broken items is not an outage, since the server says that it is
// well. However many they are, they cost minutes.
func TestBrokenAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, requests := assets(func(string, int) bool { return true })
		c := offline(t, network)
		lost, took := readMany(t.Context(), 10_000, func(i int) error {
			err := readNumbered(t.Context(), c, i)
			if errors.Is(err, api.ErrOutage) {
				t.Error(err)
			}
			return err
		})
		if len(lost) != 10_000 || took > 15*time.Minute || requests.Load() > 10_000*6 {
			t.Errorf("%d lost after %d requests in %v", len(lost), requests.Load(), took)
		}
	})
}

// What a retry mends is not lost because other items are broken.
func TestBrokenAmongFlaky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, _ := assets(func(id string, try int) bool { return strings.HasSuffix(id, "00") || try <= len(id)+int(id[0]-'0')%4 })
		c := offline(t, network)
		lost, _ := readMany(t.Context(), 2000, func(i int) error { return readNumbered(t.Context(), c, i) })
		for _, i := range lost {
			if !strings.HasSuffix(fmt.Sprint(i), "00") {
				t.Errorf("asset %d is lost", i)
			}
		}
	})
}

// Where some items have turned out to be broken, an endpoint that fails for a
// while is waited for all the same.
func TestBrokenThenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		network, _ := assets(func(id string, _ int) bool {
			since := time.Since(start)
			return len(id) == 1 || since > 30*time.Second && since < 40*time.Second
		})
		c := offline(t, network)
		lost, took := readMany(t.Context(), 10_000, func(i int) error { return readNumbered(t.Context(), c, i) })
		if len(lost) != 10 {
			t.Errorf("%d lost, want the 10 broken ones", len(lost))
		}
		if took < 40*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// A server of which all but one service is down loses no more than the few items
// that are under way.
func TestMostlyDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			time.Sleep(latency)
			down := time.Since(start) > 10*time.Second && time.Since(start) < 3*time.Minute
			if down && !strings.HasSuffix(req.URL.Path, "account-details") {
				return reply(req, 500, `{}`), nil
			}
			return reply(req, 200, wellDoc), nil
		})
		lost, _ := readMany(t.Context(), 10_000, func(i int) error {
			if i%2 == 0 {
				_, err := c.Experiments.Tags(t.Context(), "k")
				return err
			}
			_, err := ValuesOf(c.Parameters.Each)(t.Context(), "k")
			return err
		})
		if len(lost) > 100 {
			t.Errorf("%d lost", len(lost))
		}
	})
}

// An endpoint that never answers is given up while others succeed.
func TestUnansweredEndpoint(t *testing.T) {
	for budget, want := range map[time.Duration]time.Duration{10 * time.Second: 10 * time.Second, 15 * time.Minute: 9 * time.Minute} {
		t.Run(budget.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := offline(t, func(req *http.Request) (*http.Response, error) {
					if strings.HasSuffix(req.URL.Path, "/tags") {
						return hanging(req)
					}
					return reply(req, 200, wellDoc), nil
				}, func(o *api.Options) { o.Retry.MaxElapsed = budget })
				if _, err := c.Workspaces.List(t.Context()); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				_, err := c.Experiments.Tags(t.Context(), "k")
				if !errors.Is(err, api.ErrServer) || errors.Is(err, api.ErrOutage) {
					t.Errorf("got %v", err)
				}
				if d := time.Since(start); d > want+time.Minute {
					t.Errorf("given up after %v", d)
				}
			})
		})
	}
}

// A server that answers no more, or a byte a second, is given up when the time is
// over, and not when the last request has had its own.
func TestUnansweredServer(t *testing.T) {
	trickles := func(req *http.Request) (*http.Response, error) {
		resp := reply(req, 200, "")
		resp.ContentLength = -1
		resp.Body = &slowBody{req: req, text: strings.Repeat(" ", 10_000), pauses: []time.Duration{time.Second}}
		return resp, nil
	}
	for name, ill := range map[string]fake{"silent": hanging, "trickles": trickles} {
		for _, budget := range []time.Duration{10 * time.Second, time.Minute, 15 * time.Minute} {
			t.Run(name+" "+budget.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					broken := false
					c := offline(t, func(req *http.Request) (*http.Response, error) {
						if broken {
							return ill(req)
						}
						return reply(req, 200, wellDoc), nil
					}, func(o *api.Options) { o.Retry.MaxElapsed = budget })
					if _, err := c.Workspaces.List(t.Context()); err != nil {
						t.Fatal(err)
					}
					broken = true
					start := time.Now()
					_, err := c.Workspaces.List(t.Context())
					if !errors.Is(err, api.ErrOutage) {
						t.Errorf("got %v", err)
					}
					most := budget + budget/5
					if name == "trickles" {
						most = 2 * budget // the question how it is trickles too
					}
					if d := time.Since(start); d < budget || d > min(most, budget+3*time.Minute) {
						t.Errorf("given up after %v", d)
					}
				})
			})
		}
	}
}

// Content that comes in tiny pieces, each before the connection ends, is given up
// when the time is over; content that comes in large ones is had.
func TestPiecemeal(t *testing.T) {
	for piece, want := range map[int]error{1: api.ErrServer, 100 << 10: nil} {
		t.Run(fmt.Sprint(piece), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const size = 10 << 20
				content := strings.Repeat("x", size)
				c := offline(t, func(req *http.Request) (*http.Response, error) {
					time.Sleep(latency)
					if !strings.HasSuffix(req.URL.Path, "get-asset") {
						return reply(req, 200, wellDoc), nil
					}
					from := 0
					fmt.Sscanf(req.Header.Get("Range"), "bytes=%d-", &from)
					resp := reply(req, 206, "", "Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, size-1, size))
					if from == 0 {
						resp = reply(req, 200, "")
					}
					resp.ContentLength = int64(size - from)
					if from+piece < size {
						resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(content[from:from+piece]), failingReader{errReset}))
					} else {
						resp.Body = io.NopCloser(strings.NewReader(content[from:]))
					}
					return resp, nil
				})
				start := time.Now()
				if err := readNumbered(t.Context(), c, 1); !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
				if d := time.Since(start); d > 16*time.Minute {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

// Storage that takes a part and never answers is left after a minute, so that the
// asset can go another way.
func TestUnansweredStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, nil, func(o *api.Options) {
			o.Transport = fake(func(req *http.Request) (*http.Response, error) {
				switch {
				case req.URL.Host == "s3.test":
					return hanging(req)
				case strings.HasSuffix(req.URL.Path, "upload-start"):
					return reply(req, 200, twoParts), nil
				}
				return reply(req, 200, wellDoc), nil
			})
		})
		up, err := c.Assets.Start(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A"}, 2)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		err = up.PutPart(t.Context(), 0, strings.NewReader("first"), 0, 5)
		if !errors.Is(err, transport.ErrNoAnswer) || errors.Is(err, api.ErrOutage) || errors.Is(err, api.ErrMisconfigured) || time.Since(start) != time.Minute {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// An item that is broken and comes when nothing else is left to read costs little,
// since its endpoint still answers what it answered before. Where it does not, it
// is the endpoint that is not well, and what is mended in time is not lost.
func TestBrokenLast(t *testing.T) {
	for name, down := range map[string]time.Duration{"broken item": 0, "endpoint that comes back": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var since time.Time
				network, _ := assets(func(id string, _ int) bool {
					if down == 0 {
						return id == "199"
					}
					return !since.IsZero() && time.Since(since) < down
				})
				c := offline(t, network)
				if lost, _ := readMany(t.Context(), 199, func(i int) error { return readNumbered(t.Context(), c, i) }); len(lost) > 0 {
					t.Fatalf("%d lost", len(lost))
				}
				since = time.Now()
				err := readNumbered(t.Context(), c, 199)
				if took := time.Since(since); (err == nil) != (down > 0) || down == 0 && took > 35*time.Second {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}
