package transport

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// answering answers each request with a body, and with gzip as its encoding.
type answering struct {
	t    *testing.T
	body []byte
	size int64
}

func (a *answering) RoundTrip(req *http.Request) (*http.Response, error) {
	if got := req.Header.Get("Accept-Encoding"); got != "gzip" {
		a.t.Errorf("Accept-Encoding %q", got)
	}
	h := http.Header{"Content-Encoding": {"gzip"}, "Content-Length": {"1"}}
	return &http.Response{StatusCode: http.StatusOK, Header: h, ContentLength: a.size, Body: io.NopCloser(iotest.OneByteReader(bytes.NewReader(a.body)))}, nil
}

func TestUnzipper(t *testing.T) {
	text := strings.Repeat("text ", 1000)
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	if _, err := io.WriteString(zw, text); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	whole := packed.Bytes()
	broken := bytes.Clone(whole)
	broken[len(broken)-6] ^= 1
	for name, tt := range map[string]struct {
		body []byte
		size int64
		want string
		fail bool
	}{
		"whole":         {whole, int64(len(whole)), text, false},
		"two members":   {append(bytes.Clone(whole), whole...), -1, text + text, false},
		"empty":         {nil, 0, "", false},
		"empty chunked": {nil, -1, "", false},
		"cut":           {whole[:len(whole)-1], -1, text, true},
		"checksum":      {broken, -1, text, true},
		"no gzip":       {[]byte(text), -1, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			u := &unzipper{&answering{t, tt.body, tt.size}, new(Link)}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := u.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if string(got) != tt.want || (err != nil) != tt.fail {
				t.Errorf("%d bytes, %v; want %d, an error: %v", len(got), err, len(tt.want), tt.fail)
			}
			if _, again := resp.Body.Read(make([]byte, 1)); tt.fail && again != err {
				t.Errorf("%v, then %v", err, again)
			}
			if tt.size != 0 && (resp.ContentLength != -1 || resp.Header.Get("Content-Encoding") != "" || !resp.Uncompressed) {
				t.Errorf("answer says length %d, %v", resp.ContentLength, resp.Header)
			}
			if len(req.Header) > 0 {
				t.Errorf("the caller's request has got headers: %v", req.Header)
			}
		})
	}
}

// Where an answer as it is would be faster it is asked for so, and read in whatever form
// it comes.
func TestUnzipperAsksForThePlainForm(t *testing.T) {
	const text = "some text"
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	if _, err := io.WriteString(zw, text); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		marked bool
		body   string
		want   string // Accept-Encoding
	}{
		"plain":    {true, text, "identity"},
		"packed":   {true, packed.String(), "identity"},
		"unmarked": {false, packed.String(), "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			u := &unzipper{link: new(Link), next: roundTripper(func(req *http.Request) (*http.Response, error) {
				if got := req.Header.Get("Accept-Encoding"); got != tt.want {
					t.Errorf("Accept-Encoding %q", got)
				}
				h := http.Header{}
				if tt.body != text {
					h.Set("Content-Encoding", "gzip")
				}
				return &http.Response{StatusCode: http.StatusOK, Header: h, ContentLength: -1, Body: io.NopCloser(strings.NewReader(tt.body))}, nil
			})}
			u.link.plain, u.link.looks = true, 1
			ctx := WithMarks(t.Context(), Marks{Plain: tt.marked})
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := u.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != text || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
			if l := u.link; l.asIs.open != 0 || l.compressed.open != 0 {
				t.Errorf("answers stay open: %+v", l)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
