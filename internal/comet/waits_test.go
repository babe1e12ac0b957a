package comet

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// Waits of more than ten seconds are told: of which call, why, and until when.
func TestWaitsAreTold(t *testing.T) {
	const tags = "GET /api/rest/v2/experiment/tags: "
	read := func(ctx context.Context, c *Client) error { _, err := c.Experiments.Tags(ctx, "k"); return err }
	once := func(first fake) fake {
		tries := 0
		return func(req *http.Request) (*http.Response, error) {
			if tries++; tries == 1 {
				return first(req)
			}
			return reply(req, 200, `{"tags":[],"msg":"saved"}`), nil
		}
	}
	retryAfter := func(status int, value string) fake {
		return func(req *http.Request) (*http.Response, error) {
			return reply(req, status, `{"msg":"slow down"}`, "Retry-After", value), nil
		}
	}
	for name, tc := range map[string]struct {
		network fake
		change  func(*api.Options)
		call    func(context.Context, *Client) error
		want    string
	}{
		"throttled":       {once(retryAfter(429, "11")), nil, read, "at 0s until 11s: " + tags + "429 Too Many Requests: slow down\n"},
		"failing":         {once(retryAfter(503, "120")), nil, read, "at 0s until 2m0s: " + tags + "503 Service Unavailable: slow down\n"},
		"throttled a bit": {once(retryAfter(429, "9")), nil, read, ""},
		"slow answer": {once(func(req *http.Request) (*http.Response, error) {
			time.Sleep(time.Minute)
			return reply(req, 200, `{"tags":[]}`), nil
		}), nil, read, "at 10s until 30s: " + tags + "the server does not answer\n"},
		"slow body": {once(func(req *http.Request) (*http.Response, error) {
			resp := reply(req, 200, "")
			resp.ContentLength = -1
			resp.Body = &slowBody{req: req, text: `{"tags":[]}`, piece: 100, pauses: []time.Duration{30 * time.Second}}
			return resp, nil
		}), nil, read, "at 10s until 1m0s: " + tags + "the connection has stalled\n"},
		"slow upload": {nil, func(o *api.Options) { o.Transport = swallow{piece: 1 << 20, pause: 30 * time.Second} },
			func(ctx context.Context, c *Client) error {
				return c.Assets.Upload(ctx, &Upload{Run: &Run{Key: "k"}, ID: "a", Size: 1 << 20, Open: func() (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20))), nil
				}})
			}, "at 10s until 1m0s: POST /clientlib/asset/upload: the connection has stalled\n"},
		"rate": {func(req *http.Request) (*http.Response, error) { return reply(req, 200, `{"tags":[]}`), nil },
			func(o *api.Options) { o.Rate.PerSecond = rate.Every(20 * time.Second) },
			func(ctx context.Context, c *Client) error {
				if err := read(ctx, c); err != nil {
					return err
				}
				return read(ctx, c)
			}, "at 0s until 20s: " + tags + "the limit of --rate is reached\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var told strings.Builder
				start := time.Now()
				o := func(o *api.Options) {
					o.Waits = func(w api.Wait) {
						mu.Lock()
						defer mu.Unlock()
						fmt.Fprintf(&told, "at %v until %v: %v\n", time.Since(start).Round(time.Second), w.Until.Sub(start).Truncate(time.Second), w.Why)
					}
				}
				change := []func(*api.Options){o}
				if tc.change != nil {
					change = append(change, tc.change)
				}
				if err := tc.call(t.Context(), offline(t, tc.network, change...)); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if told.String() != tc.want {
					t.Errorf("told %q, want %q", told.String(), tc.want)
				}
			})
		})
	}
}
