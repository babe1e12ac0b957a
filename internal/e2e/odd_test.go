package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// An oddAnswer stands in the place of a good one. true holds the answer that the
// server would give.
type oddAnswer struct {
	name string
	give func(req *http.Request, truth func() *http.Response) *http.Response
}

// oddAnswers are what servers, and gateways that stand before them, answer on a
// bad day. None of them says that something is absent, empty or done.
var oddAnswers = []oddAnswer{
	fixedAnswer("404 page", 404, "text/html", "<html><body><h1>404 Not Found</h1><hr>nginx</body></html>"),
	fixedAnswer("404 empty", 404, "", ""),
	fixedAnswer("404 text", 404, "text/plain", "default backend - 404"),
	fixedAnswer("404 JSON", 404, "application/json", `{"msg":"Not Found (proxy)","code":404,"data":null,"sdk_error_code":0}`),
	fixedAnswer("400 text", 400, "text/plain", "Bad Request"),
	fixedAnswer("400 unknown code", 400, "application/json", `{"msg":"Error 17","code":400,"data":null,"sdk_error_code":8888888}`),
	fixedAnswer("410", 410, "text/html", "<html>Gone</html>"),
	fixedAnswer("{}", 200, "application/json", `{}`),
	fixedAnswer("200 error", 200, "application/json", `{"msg":"Internal error","code":500,"data":null,"sdk_error_code":0}`),
	fixedAnswer("200 error without code", 200, "application/json", `{"msg":"Internal error"}`),
	fixedAnswer("200 page", 200, "text/html", "<html><title>Sign in</title></html>"),
	fixedAnswer("200 text", 200, "text/plain", "The service is busy. Please come back later."),
	fixedAnswer("204", 204, "", ""),
	fixedAnswer("[]", 200, "application/json", `[]`),
	fixedAnswer("[{}]", 200, "application/json", `[{}]`),
	fixedAnswer("null", 200, "application/json", `null`),
	changedAnswer("code 500 beside", beside(`"code":500,"msg":"Internal error",`)),
	changedAnswer("error code beside", beside(`"sdk_error_code":90501,`)),
	changedAnswer("error beside", beside(`"error":true,`)),
	changedAnswer("error text beside", beside(`"error":"Internal error",`)),
	changedAnswer("error behind", behind(`,"error":{"message":"Internal error"}`)),
	changedAnswer("status error beside", beside(`"status":"error",`)),
	changedAnswer("success false behind", behind(`,"success":false`)),
	fixedAnswer("403 page", 403, "text/html", "<html><title>Access denied</title></html>"),
	fixedAnswer("500", 500, "application/json", `{"msg":"Internal Server Error","code":500}`),
	fixedAnswer("504", 504, "text/html", "<html>Gateway Time-out</html>"),
	changedAnswer("cut", func(body []byte) ([]byte, int) { return body[:len(body)/2], len(body) / 2 }),
	changedAnswer("short", func(body []byte) ([]byte, int) { return body[:len(body)/2], max(1, len(body)) }),
	changedAnswer("gzip, damaged", packed(func(gz []byte) []byte { gz[len(gz)/2] ^= 0x55; return gz })),
	changedAnswer("gzip, cut", packed(func(gz []byte) []byte { return gz[:len(gz)-5] })),
	redirect(307, "https://elsewhere.example/login"),
	redirect(302, "https://elsewhere.example/login"),
	redirect(303, "/login"),
	changedAnswer("longer", func(body []byte) ([]byte, int) { return append(body, "\n<!-- -->"...), len(body) + 9 }),
}

func fixedAnswer(name string, status int, contentType, body string) oddAnswer {
	return oddAnswer{name, func(req *http.Request, _ func() *http.Response) *http.Response {
		resp := answerOf(req, status, []byte(body), len(body))
		if contentType != "" {
			resp.Header.Set("Content-Type", contentType)
		}
		return resp
	}}
}

// redirect sends a request to a page where people sign in.
func redirect(status int, to string) oddAnswer {
	name := fmt.Sprintf("redirect %d to %s", status, to)
	return oddAnswer{name, func(req *http.Request, _ func() *http.Response) *http.Response {
		resp := answerOf(req, status, nil, 0)
		resp.Header.Set("Location", to)
		return resp
	}}
}

// signIn is that page. A key that comes there has gone to somebody else.
func signIn(req *http.Request) *http.Response {
	resp := answerOf(req, 200, []byte("<html><title>Sign in</title></html>"), 35)
	resp.Header.Set("Content-Type", "text/html")
	return resp
}

// packed returns what packs a body and damages that.
func packed(damage func([]byte) []byte) func([]byte) ([]byte, int) {
	return func(body []byte) ([]byte, int) {
		var b bytes.Buffer
		zw := gzip.NewWriter(&b)
		zw.Write(body)
		zw.Close()
		gz := damage(b.Bytes())
		return gz, len(gz)
	}
}

// changedAnswer changes the body of an answer, and the length that it announces.
func changedAnswer(name string, change func([]byte) ([]byte, int)) oddAnswer {
	return oddAnswer{name, func(req *http.Request, truth func() *http.Response) *http.Response {
		resp := truth()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			panic(err)
		}
		changed, length := change(slices.Clip(body))
		odd := answerOf(req, resp.StatusCode, changed, length)
		odd.Header.Set("Content-Type", resp.Header.Get("Content-Type"))
		odd.Header.Set("Content-Encoding", resp.Header.Get("Content-Encoding"))
		if bytes.HasPrefix(changed, []byte("\x1f\x8b")) {
			odd.Header.Set("Content-Encoding", "gzip")
		}
		return odd
	}}
}

// beside returns what puts members before those of an object.
func beside(members string) func([]byte) ([]byte, int) {
	return func(body []byte) ([]byte, int) {
		if bytes.HasPrefix(body, []byte(`{"`)) {
			body = append([]byte("{"+members), body[1:]...)
		}
		return body, len(body)
	}
}

// after returns what puts members after those of an object.
func behind(members string) func([]byte) ([]byte, int) {
	return func(body []byte) ([]byte, int) {
		if bytes.HasPrefix(body, []byte(`{"`)) && bytes.HasSuffix(body, []byte("}")) {
			body = slices.Concat(body[:len(body)-1], []byte(members+"}"))
		}
		return body, len(body)
	}
}

// answerOf returns an answer that announces a length, and whose body fails as
// that of a connection does where it is shorter.
func answerOf(req *http.Request, status int, body []byte, length int) *http.Response {
	var r io.Reader = bytes.NewReader(body)
	if len(body) < length {
		r = io.MultiReader(r, failing{io.ErrUnexpectedEOF})
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: io.NopCloser(r), ContentLength: int64(length), Request: req,
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// oddNetwork is a network to one server, whose answers to some requests are odd.
// It remembers the routes of all.
type oddNetwork struct {
	server http.Handler
	route  string // of the requests that are counted; "" are those of all routes
	odd    *oddAnswer
	// The requests so numbered, from 1, are answered oddly; to is 0 for all from
	// there on.
	from, to int

	mu     sync.Mutex
	n      int
	routes map[string]int
	struck []string
}

// use makes a client talk over the network, and wait but little.
func (n *oddNetwork) use(o *comet.Options) {
	o.Transport = n
	o.Retry = comet.Retry{MaxElapsed: 2 * time.Second, MaxThrottled: 2 * time.Second, Base: time.Millisecond, Cap: 2 * time.Millisecond}
}

// RoundTrip implements [http.RoundTripper].
func (n *oddNetwork) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if strings.HasSuffix(req.URL.Path, "/login") {
		if req.Header.Get("Authorization") != "" && req.URL.Host == "elsewhere.example" {
			panic("the key has gone to " + req.URL.Host)
		}
		return signIn(req), nil
	}
	truth := func() *http.Response {
		w := httptest.NewRecorder()
		in := req.Clone(req.Context())
		in.RequestURI, in.RemoteAddr = req.URL.RequestURI(), "127.0.0.1:1"
		if in.Body == nil {
			in.Body = http.NoBody
		}
		n.server.ServeHTTP(w, in)
		resp := w.Result()
		resp.Request, resp.ContentLength = req, int64(w.Body.Len())
		return resp
	}
	odd := n.strikes(routeOf(req))
	var resp *http.Response
	if odd == nil {
		resp = truth()
	} else {
		resp = odd.give(req, truth)
	}
	if req.Body != nil {
		req.Body.Close()
	}
	return resp, nil
}

// strikes returns the odd answer to a request of a route, or nil.
func (n *oddNetwork) strikes(route string) *oddAnswer {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.routes == nil {
		n.routes = make(map[string]int)
	}
	n.routes[route]++
	if n.odd == nil || n.route != "" && n.route != route {
		return nil
	}
	n.n++
	if n.n < n.from || n.to > 0 && n.n > n.to {
		return nil
	}
	n.struck = append(n.struck, route)
	return n.odd
}

var idInPath = regexp.MustCompile(`/[0-9a-fA-F-]{16,}`)

// routeOf returns the method and the path of a request, without ids.
func routeOf(req *http.Request) string {
	return req.Method + " " + idInPath.ReplaceAllString(req.URL.Path, "/{id}")
}
