package comet

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func noRetry(o *Options) { o.Retry.MaxElapsed = -1 }

// hanging is a fake network that never answers by itself.
func hanging(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, hanging, noRetry)
		start := time.Now()
		_, err := c.Workspaces(t.Context())
		if !errors.Is(err, errNoAnswer) || time.Since(start) != 3*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// slowBody gives one byte after each pause.
type slowBody struct {
	req    *http.Request
	text   string
	pauses []time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.text == "" {
		return 0, io.EOF
	}
	pause := b.pauses[0]
	if len(b.pauses) > 1 {
		b.pauses = b.pauses[1:]
	}
	select {
	case <-time.After(pause):
	case <-b.req.Context().Done():
		return 0, b.req.Context().Err()
	}
	p[0] = b.text[0]
	b.text = b.text[1:]
	return 1, nil
}

func (b *slowBody) Close() error { return nil }

func TestStalledAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		pauses []time.Duration
		want   error
	}{
		// As long as it moves, it may take hours.
		"slow":    {[]time.Duration{50 * time.Second}, nil},
		"stalled": {[]time.Duration{50 * time.Second, 2 * time.Minute}, errStalled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := offline(t, func(req *http.Request) (*http.Response, error) {
					resp := reply(req, 200, "")
					resp.ContentLength = -1
					resp.Body = &slowBody{req: req, text: `{"tags":[` + strings.Repeat(" ", 500) + `]}`, pauses: tc.pauses}
					return resp, nil
				}, noRetry)
				if _, err := c.Tags(t.Context(), "k"); !errors.Is(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
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
		b, err := c.OpenAsset(t.Context(), AssetRequest{ID: "a"})
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
		err := c.UploadAsset(t.Context(), &Upload{
			Run: &Run{Key: "k"}, ID: "a", Size: 200_000,
			Open: func() (io.ReadCloser, error) { return &pausingSource{200_000}, nil },
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// swallow is a network that takes some of a body and then no more.
type swallow struct{}

func (swallow) RoundTrip(req *http.Request) (*http.Response, error) {
	io.CopyN(io.Discard, req.Body, 1000)
	<-req.Context().Done()
	req.Body.Close()
	return nil, req.Context().Err()
}

func TestStalledUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, nil, noRetry, func(o *Options) { o.Transport = swallow{} })
		start := time.Now()
		err := c.UploadAsset(t.Context(), &Upload{
			Run: &Run{Key: "k"}, ID: "a", Size: 1 << 20,
			Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20))), nil
			},
		})
		if !errors.Is(err, errStalled) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
