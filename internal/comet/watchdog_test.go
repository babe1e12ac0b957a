package comet

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

func noRetry(o *api.Options) { o.Retry.MaxElapsed = -1 }

// hanging is a fake network that never answers by itself.
func hanging(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, hanging, noRetry)
		start := time.Now()
		_, err := c.Workspaces.List(t.Context())
		if !errors.Is(err, transport.ErrNoAnswer) || time.Since(start) != 3*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// slowBody gives a piece of its text after each pause.
type slowBody struct {
	req    *http.Request
	text   string
	piece  int // 1 if zero
	ready  int // what is left of the piece
	pauses []time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.text == "" {
		return 0, io.EOF
	}
	if b.ready == 0 {
		select {
		case <-time.After(b.pauses[0]):
		case <-b.req.Context().Done():
			return 0, b.req.Context().Err()
		}
		b.ready = max(b.piece, 1)
		if len(b.pauses) > 1 {
			b.pauses = b.pauses[1:]
		}
	}
	n := copy(p, b.text[:min(b.ready, len(b.text))])
	b.text, b.ready = b.text[n:], b.ready-n
	return n, nil
}

func (b *slowBody) Close() error { return nil }

// What keeps an answer alive is how much of it comes in a time, not that
// something does.
func TestStalledAnswer(t *testing.T) {
	const size = 1 << 20
	for name, tc := range map[string]struct {
		pauses []time.Duration
		piece  int
		want   error
		after  time.Duration
	}{
		// It may take a quarter of an hour.
		"slow":              {[]time.Duration{time.Second}, 1200, nil, 874 * time.Second},
		"in bursts":         {[]time.Duration{50 * time.Second}, 64 << 10, nil, 800 * time.Second},
		"a byte a second":   {[]time.Duration{time.Second}, 1, transport.ErrStalled, time.Minute},
		"just too slow":     {[]time.Duration{time.Second}, 1000, transport.ErrStalled, time.Minute},
		"slow, then slower": {slices.Concat(slices.Repeat([]time.Duration{time.Second}, 300), []time.Duration{2 * time.Second}), 1200, transport.ErrStalled, 320 * time.Second},
		"stalled":           {[]time.Duration{50 * time.Second, 2 * time.Minute}, 64 << 10, transport.ErrStalled, 110 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := offline(t, func(req *http.Request) (*http.Response, error) {
					resp := reply(req, 200, "")
					resp.ContentLength = -1
					resp.Body = &slowBody{req: req, text: `{"tags":[` + strings.Repeat(" ", size) + `]}`, piece: tc.piece, pauses: tc.pauses}
					return resp, nil
				}, noRetry)
				start := time.Now()
				if _, err := c.Experiments.Tags(t.Context(), "k"); !errors.Is(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
				}
				if d := time.Since(start); d < tc.after-time.Second || d > tc.after+time.Minute {
					t.Errorf("ended after %v, want %v", d, tc.after)
				}
			})
		})
	}
}

// A reader that pauses is not the network's fault.
func TestPausingReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			resp := reply(req, 200, "abc")
			resp.Body = &slowBody{req: req, text: "abc", pauses: []time.Duration{0}}
			return resp, nil
		}, noRetry)
		b, err := c.Assets.Content(t.Context(), api.AssetRequest{ID: "a"})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		for {
			time.Sleep(time.Hour)
			if _, err := b.Read(make([]byte, 1)); err == io.EOF {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// pausingSource is a content that comes slowly from our own side.
type pausingSource struct{ left int }

func (s *pausingSource) Read(p []byte) (int, error) {
	time.Sleep(time.Hour)
	n := min(s.left, len(p))
	if s.left -= n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *pausingSource) Close() error { return nil }

func TestPausingUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, func(req *http.Request) (*http.Response, error) { return reply(req, 200, savedDoc), nil }, noRetry)
		err := c.Assets.Upload(t.Context(), &Upload{
			Run: &Run{Key: "k"}, ID: "a", Size: 200_000,
			Open: func() (io.ReadCloser, error) { return &pausingSource{200_000}, nil },
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// swallow is a network that takes a piece of a body after each pause, and
// answers when it has all of it, unless it is silent. A pause of zero ends the
// taking.
type swallow struct {
	piece  int64
	pause  time.Duration
	silent bool
}

func (s swallow) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	for {
		if _, err := io.CopyN(io.Discard, req.Body, s.piece); err != nil {
			break
		}
		if s.pause == 0 {
			<-req.Context().Done()
		}
		select {
		case <-time.After(s.pause):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	if s.silent {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return reply(req, 200, `{"msg":"saved"}`), nil
}

func TestStalledUpload(t *testing.T) {
	for name, tc := range map[string]struct {
		network swallow
		want    error
		after   time.Duration
	}{
		"stops":           {swallow{piece: 1000}, transport.ErrStalled, time.Minute},
		"a byte a second": {swallow{piece: 1, pause: time.Second}, transport.ErrStalled, time.Minute},
		"slow":            {swallow{piece: 32 << 10, pause: 20 * time.Second}, nil, 640 * time.Second},
		"no answer":       {swallow{piece: 64 << 10, pause: time.Second, silent: true}, transport.ErrNoAnswer, 16*time.Second + 3*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := offline(t, nil, noRetry, func(o *api.Options) { o.Transport = tc.network })
				start := time.Now()
				err := c.Assets.Upload(t.Context(), &Upload{
					Run: &Run{Key: "k"}, ID: "a", Size: 1 << 20,
					Open: func() (io.ReadCloser, error) {
						return io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20))), nil
					},
				})
				if d := time.Since(start); !errors.Is(err, tc.want) || d < tc.after-time.Second || d > tc.after+time.Second {
					t.Errorf("%v after %v, want %v after %v", err, d, tc.want, tc.after)
				}
			})
		})
	}
}
