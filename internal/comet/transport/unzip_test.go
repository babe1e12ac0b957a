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
			u := &unzipper{next: &answering{t, tt.body, tt.size}}
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
