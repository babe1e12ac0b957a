package comet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// holdsKey reports whether a text holds the key or a good part of it.
func holdsKey(text string) bool {
	short, _, _ := strings.Cut(testKey, "*")
	return strings.Contains(text, short) || strings.Contains(text, url.QueryEscape(testKey))
}

// TestNoKeyInErrors drives calls that send the key in header, body and query
// into every kind of failure, and looks for the key in all that comes of it.
func TestNoKeyInErrors(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	reset := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			// Servers quote what they are sent.
			fmt.Fprintf(w, `{"msg":"bad key %s in %s"}`, r.Header.Get("Authorization"), r.URL)
		}
	}
	servers := map[string]http.HandlerFunc{
		"reset": reset, "400": echo(400), "401": echo(401), "429": echo(429), "500": echo(500),
		"text": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no "+r.URL.String(), 404) },
		"html": func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "<html>%s", r.URL) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, gone.URL+"/?apiKey="+url.QueryEscape(testKey), http.StatusFound)
		},
		"bad redirect": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://[::1?apiKey="+testKey)
			w.WriteHeader(http.StatusFound)
		},
		"bad protocol": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintf(conn, "HTTP/1.1 what %s\r\n\r\n", r.URL)
			conn.Close()
		},
		"stall": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"refused": nil,
	}
	for name, h := range servers {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			var told []string
			c := newTestClient(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				h(w, r)
			}}, func(o *api.Options) {
				if h == nil {
					o.URL = gone.URL
				}
				o.Retry = api.Retry{MaxElapsed: 10 * time.Millisecond, Base: time.Millisecond, Cap: time.Millisecond}
				o.Timeouts.Stall = 20 * time.Millisecond
				o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				o.Notify = func(t api.Trouble) { told = append(told, fmt.Sprintf("%v %+v", t.Err, t)) }
			})
			for name, err := range failingCalls(t.Context(), c) {
				if err == nil {
					t.Errorf("%s: no error", name)
				}
				for ; err != nil; err = errors.Unwrap(err) {
					if text := fmt.Sprintf("%v %+v", err, err); holdsKey(text) {
						t.Errorf("%s: error holds the key: %s", name, text)
					}
				}
			}
			if log.Len() == 0 || holdsKey(log.String()) {
				t.Errorf("log is empty or holds the key:\n%s", log.String())
			}
			if text := strings.Join(told, "\n"); holdsKey(text) {
				t.Errorf("trouble holds the key:\n%s", text)
			}
		})
	}
}

// failingCalls makes a call of each kind. The timeout ends what throttles.
func failingCalls(ctx context.Context, c *Client) map[string]error {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, reads := c.Workspaces.List(ctx)
	_, text := c.Texts.Output(ctx, "k")
	_, patch := c.Texts.GitPatch(ctx, "k")
	_, run := c.Experiments.Start(ctx, Handshake{Key: "k"})
	var b Batch
	b.AddMetric(&MetricValue{Name: "m", Value: []byte("1")})
	var asset error
	if body, err := c.Assets.Content(ctx, api.AssetRequest{ID: "a"}); err != nil {
		asset = err
	} else {
		// To this call an HTML page is a content like any other.
		_, asset = io.Copy(io.Discard, body)
		body.Close()
		if asset == nil {
			asset = errors.New("read")
		}
	}
	return map[string]error{
		"read": reads, "text": text, "patch": patch, "handshake": run, "asset": asset,
		"points": c.Metrics.Points(ctx, "k", "m", nil, func(*Point) error { return nil }),
		"batch":  c.Metrics.Write(ctx, "k", &b),
		"upload": c.Assets.Upload(ctx, &Upload{Run: &Run{Key: "k"}, ID: "a", Link: new("s3://b/k")}),
	}
}
