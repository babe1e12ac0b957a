package inject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A store to inject faults into: /small answers without a declared length,
// /declared with one, /large with more than the middleware holds, /empty with
// nothing.
type bodies struct{ done, begun atomic.Int64 }

const smallBodyText = `{"metrics":["0123456789","0123456789"]}`

func (b *bodies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.begun.Add(1)
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	defer b.done.Add(1)
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/small":
		_, _ = io.WriteString(w, smallBodyText)
	case "/declared":
		w.Header().Set("Content-Length", strconv.Itoa(3*maxHeld))
		fallthrough
	case "/large":
		piece := strings.Repeat("x", 3<<10)
		for range maxHeld >> 10 {
			if _, err := io.WriteString(w, piece); err != nil {
				return
			}
		}
	}
}

// outcome is what a client sees of an answer.
type outcome struct {
	Status     int
	Length     int64  // declared, -1 for none
	Body       string // what arrived
	Type       string
	RetryAfter string
	Err        error
}

func fetchOutcome(client *http.Client, method, url, body string) outcome {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return outcome{Err: err}
	}
	resp, err := client.Do(req)
	if err != nil {
		return outcome{Err: err}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return outcome{Status: resp.StatusCode, Length: resp.ContentLength, Body: string(got),
		Type: resp.Header.Get("Content-Type"), RetryAfter: resp.Header.Get("Retry-After"), Err: err}
}

// freshConns returns a client without connections to use again: net/http
// itself repeats a request on those.
func freshConns(t *testing.T) *http.Client {
	tr := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestFaultKinds(t *testing.T) {
	const half = len(smallBodyText) / 2
	jsonError := func(code, sdk int) string {
		return fmt.Sprintf(`{"code":%d,"data":null,"msg":"%s (injected)","sdk_error_code":%d}`, code, http.StatusText(code), sdk)
	}
	for _, test := range []struct {
		name string
		rule Fault
		path string
		want outcome // Err is wrapped by that of the client
		done bool
	}{
		{"refuse", Fault{Kind: FaultRefuse}, "/small", outcome{Err: io.EOF}, false},
		{"refuse done", Fault{Kind: FaultRefuse, Done: true}, "/small", outcome{Err: io.EOF}, true},
		{"reset", Fault{Kind: FaultReset}, "/small", outcome{Err: syscall.ECONNRESET}, false},
		{"lost", Fault{Kind: FaultLost}, "/small", outcome{Err: syscall.ECONNRESET}, true},
		{"reset head", Fault{Kind: FaultResetHead}, "/small",
			outcome{Status: 200, Length: int64(2*half + 1), Err: syscall.ECONNRESET}, true},
		{"reset head declared", Fault{Kind: FaultResetHead}, "/declared",
			outcome{Status: 200, Length: 3 * maxHeld, Err: syscall.ECONNRESET}, true},
		{"reset head empty", Fault{Kind: FaultResetHead}, "/empty", outcome{Status: 200}, true},
		{"reset body", Fault{Kind: FaultResetBody}, "/small",
			outcome{Status: 200, Length: int64(2*half + 1), Body: smallBodyText[:half], Err: syscall.ECONNRESET}, true},
		{"reset body at", Fault{Kind: FaultResetBody, Bytes: 5}, "/small",
			outcome{Status: 200, Length: int64(2*half + 1), Body: smallBodyText[:5], Err: syscall.ECONNRESET}, true},
		{"short", Fault{Kind: FaultShort}, "/small",
			outcome{Status: 200, Length: int64(2*half + 1), Body: smallBodyText[:half], Err: io.ErrUnexpectedEOF}, true},
		{"short by one", Fault{Kind: FaultShort, Bytes: 1 << 40}, "/small",
			outcome{Status: 200, Length: int64(2*half + 1), Body: smallBodyText[:2*half], Err: io.ErrUnexpectedEOF}, true},
		{"short declared", Fault{Kind: FaultShort, Bytes: 2 * maxHeld}, "/declared",
			outcome{Status: 200, Length: 3 * maxHeld, Body: strings.Repeat("x", 2*maxHeld), Err: io.ErrUnexpectedEOF}, true},
		{"short large", Fault{Kind: FaultShort, Bytes: 100}, "/large",
			outcome{Status: 200, Length: -1, Body: strings.Repeat("x", 100), Err: io.ErrUnexpectedEOF}, true},
		{"short empty", Fault{Kind: FaultShort}, "/empty",
			outcome{Status: 200, Length: 1, Err: io.ErrUnexpectedEOF}, true},
		{"length", Fault{Kind: FaultLength}, "/small",
			outcome{Status: 200, Length: int64(half), Body: smallBodyText[:half]}, true},
		{"length declared", Fault{Kind: FaultLength, Bytes: 7}, "/declared",
			outcome{Status: 200, Length: 7, Body: "xxxxxxx"}, true},
		{"length large", Fault{Kind: FaultLength, Bytes: 7}, "/large",
			outcome{Status: 200, Length: 7, Body: "xxxxxxx"}, true},
		{"length empty", Fault{Kind: FaultLength}, "/empty",
			outcome{Status: 200, Length: 1, Err: io.ErrUnexpectedEOF}, true},
		{"408", Fault{Kind: FaultStatus(408)}, "/small", outcome{Status: 408, Body: jsonError(408, 0)}, false},
		{"401", Fault{Kind: FaultStatus(401), SDKErrorCode: 90212}, "/small", outcome{Status: 401, Body: jsonError(401, 90212)}, false},
		{"403", Fault{Kind: FaultStatus(403)}, "/small", outcome{Status: 403, Body: jsonError(403, 0)}, false},
		{"429", Fault{Kind: FaultStatus(429)}, "/small", outcome{Status: 429, Body: jsonError(429, 0)}, false},
		{"429 retry after", Fault{Kind: FaultStatus(429), RetryAfter: "Fri, 31 Dec 1999 23:59:59 GMT"}, "/small",
			outcome{Status: 429, Body: jsonError(429, 0), RetryAfter: "Fri, 31 Dec 1999 23:59:59 GMT"}, false},
		{"quota", Fault{Kind: FaultQuota, Requests: 1}, "/small", outcome{Status: 429, Body: jsonError(429, 0)}, false},
		{"500", Fault{Kind: FaultStatus(500)}, "/small", outcome{Status: 500, Body: jsonError(500, 0)}, false},
		{"503", Fault{Kind: FaultStatus(503), RetryAfter: "3"}, "/small",
			outcome{Status: 503, Body: htmlPage("503 Service Unavailable"), Type: "text/html", RetryAfter: "3"}, false},
		{"504 done", Fault{Kind: FaultStatus(504), Done: true}, "/small",
			outcome{Status: 504, Body: htmlPage("504 Gateway Timeout"), Type: "text/html"}, true},
		{"html", Fault{Kind: FaultHTML}, "/small", outcome{Status: 200, Body: htmlPage("Sign in"), Type: "text/html"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := new(bodies)
			test.rule.From, test.rule.To = 1, 1
			f := NewFaults(1, test.rule)
			srv := httptest.NewServer(f.Middleware(store))
			defer srv.Close()
			client := freshConns(t)

			got := fetchOutcome(client, "GET", srv.URL+test.path, "")
			if !errors.Is(got.Err, test.want.Err) {
				t.Errorf("error %v, want %v", got.Err, test.want.Err)
			}
			got.Err, test.want.Err = nil, nil
			if test.want.Length == 0 {
				test.want.Length = int64(len(test.want.Body))
			}
			if test.want.Type == "" && test.want.Status != 0 {
				test.want.Type = "application/json"
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if done := store.begun.Load() == 1; done != test.done {
				t.Errorf("handler ran: %v, want %v", done, test.done)
			}

			// The fault is over: the next request is served in full.
			begun := store.begun.Load()
			got = fetchOutcome(client, "GET", srv.URL+"/small", "")
			if got.Err != nil || got.Body != smallBodyText || store.begun.Load() != begun+1 {
				t.Errorf("request after the fault: %+v", got)
			}
			want := []Injection{{Kind: test.rule.Kind, Request: 1, Method: "GET", Path: test.path}}
			if diff := cmp.Diff(want, f.Injected()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func htmlPage(title string) string {
	w := httptest.NewRecorder()
	WriteHTML(w, 200, title)
	return w.Body.String()
}

// A lost answer belongs to a request that was done, a reset one was not.
func TestFaultsWrites(t *testing.T) {
	for _, test := range []struct {
		kind FaultKind
		done int64
	}{{FaultLost, 1}, {FaultReset, 0}, {FaultRefuse, 0}} {
		t.Run(string(test.kind), func(t *testing.T) {
			store := new(bodies)
			srv := httptest.NewServer(NewFaults(1, Fault{Kind: test.kind}).Middleware(store))
			defer srv.Close()
			got := fetchOutcome(freshConns(t), "POST", srv.URL+"/small", `{"value":1}`)
			if got.Err == nil || got.Status != 0 {
				t.Errorf("the client got %+v, want an error", got)
			}
			if n := store.done.Load(); n != test.done {
				t.Errorf("%d requests done, want %d", n, test.done)
			}
		})
	}
}

// A reset may come in the middle of the request body.
func TestFaultsResetDuringUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, taken = 1 << 20, 100_000
		store, n := new(bodies), new(Network)
		f := NewFaults(1, Fault{Kind: FaultReset, Bytes: taken})
		client, end := servePipe(f.Middleware(store), n.Listener)
		defer end()
		if got := fetchOutcome(client, "POST", "http://pipe/", string(make([]byte, size))); got.Err == nil {
			t.Errorf("the client got %+v, want an error", got)
		}
		// A pipe holds nothing back, the server's buffers do.
		if in := n.Stats().BytesIn; in < taken || in > taken+64<<10 {
			t.Errorf("the server took %d bytes, want a little over %d", in, taken)
		}
		if n := store.begun.Load(); n != 0 {
			t.Errorf("the handler ran %d times", n)
		}
	})
}

// After a wrong length the rest of the body is on the wire all the same.
func TestFaultsLengthSurplus(t *testing.T) {
	srv := httptest.NewServer(NewFaults(1, Fault{Kind: FaultLength, Bytes: 3}).Middleware(new(bodies)))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	wire, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(wire), "\r\n\r\n")
	if !strings.Contains(head, "Content-Length: 3\r\n") || body != smallBodyText {
		t.Errorf("on the wire was %q", wire)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A pipeListener is a network inside a synctest bubble.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// servePipe serves h on a listener within the bubble of a test and returns a
// client for it. Its end closes both.
func servePipe(h http.Handler, wrap func(net.Listener) net.Listener) (client *http.Client, end func()) {
	pipe := newPipeListener()
	var l net.Listener = pipe
	if wrap != nil {
		l = wrap(l)
	}
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(l) }()
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return pipe.dial(), nil }}
	return &http.Client{Transport: tr}, func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
		synctest.Wait()
	}
}

// Faults that take time, on a fake clock.
func TestFaultsSlow(t *testing.T) {
	n := time.Duration(len(smallBodyText))
	for _, test := range []struct {
		name    string
		rule    Fault
		path    string
		timeout time.Duration // of the client
		want    time.Duration
		body    string
		done    int64
	}{
		{"trickle", Fault{Kind: FaultTrickle}, "/small", 0, (n - 1) * time.Second, smallBodyText, 1},
		{"trickle by ten", Fault{Kind: FaultTrickle, Bytes: 10, Delay: time.Minute}, "/small", 0, 3 * time.Minute, smallBodyText, 1},
		{"trickle given up", Fault{Kind: FaultTrickle, Bytes: 10, Delay: time.Minute}, "/small", 90 * time.Second, 90 * time.Second, smallBodyText[:20], 1},
		{"stall", Fault{Kind: FaultStall, Delay: time.Hour}, "/small", 0, time.Hour, smallBodyText, 1},
		{"stall large", Fault{Kind: FaultStall, Delay: time.Hour}, "/large", 0, time.Hour, strings.Repeat("x", 3*maxHeld), 1},
		{"stall declared", Fault{Kind: FaultStall, Delay: time.Hour, Bytes: 2 * maxHeld}, "/declared", 0, time.Hour, strings.Repeat("x", 3*maxHeld), 1},
		{"stall given up", Fault{Kind: FaultStall, Bytes: 4}, "/small", time.Hour, time.Hour, smallBodyText[:4], 1},
		{"hang", Fault{Kind: FaultHang, Delay: time.Hour}, "/small", 0, time.Hour, smallBodyText, 1},
		{"hang given up", Fault{Kind: FaultHang}, "/small", time.Hour, time.Hour, "", 0},
		{"hang done", Fault{Kind: FaultHang, Done: true}, "/small", time.Hour, time.Hour, "", 1},
		{"hang done, reset", Fault{Kind: FaultHang, Done: true, Delay: time.Minute}, "/small", 0, time.Minute, "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(bodies)
				client, end := servePipe(NewFaults(1, test.rule).Middleware(store), nil)
				defer end()
				client.Timeout = test.timeout
				start := time.Now()
				got := fetchOutcome(client, "POST", "http://pipe"+test.path, "{}")
				if d := time.Since(start); d != test.want {
					t.Errorf("it took %v, want %v", d, test.want)
				}
				whole := test.timeout == 0 && test.body != ""
				if got.Body != test.body || (got.Err == nil) != whole {
					t.Errorf("got %d bytes %.40q (%v), want %d bytes %.40q", len(got.Body), got.Body, got.Err, len(test.body), test.body)
				}
				synctest.Wait()
				if n := store.done.Load(); n != test.done {
					t.Errorf("%d requests done, want %d", n, test.done)
				}
			})
		})
	}
}
