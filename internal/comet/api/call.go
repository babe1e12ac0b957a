package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
)

// AnswerKind is what a call expects for an answer.
type AnswerKind int

// What a call may expect.
const (
	wantDocument AnswerKind = iota // a JSON document, read whole
	wantStream                     // a JSON document, read by the caller
	WantBytes                      // any bytes, read by the caller
)

// Call describes one call of the API, to be tried as often as it takes.
type Call struct {
	Method string
	Family Family
	Path   string
	Query  url.Values
	Body   *Payload // nil: none

	// Want is what comes, and Wants what a document must have. About is what the
	// server calls the thing that is asked for.
	Want  AnswerKind
	Wants scan.Wants
	About []string
	// Given are members that an answer may hold to say that a write was done.
	Given []string
	// Check, if not nil, looks at a document in place of Wants. What it refuses is a
	// failed try like any other.
	Check func([]byte) error

	// Mutates marks a write that has the look of a read, Reads the reverse.
	Mutates, Reads bool
	// Unsafe marks a write that must not be done twice.
	Unsafe bool
	// Prepares marks a write that makes nothing by itself.
	Prepares bool
	// Heavy marks a read of much at a time, all of which lighter calls give as
	// well. It is given up sooner.
	Heavy bool
	// Plain marks a streamed read of so much that it may be quicker as it is than
	// compressed; it must be one that can begin again.
	Plain bool

	base string // overrides that of the family
	// storage, if not nil, is the whole address: a signed one of the server's
	// storage, which serves as the credential. Nothing of ours is added to it.
	storage *url.URL
	header  http.Header
	// accept is Check for an answer that is read by the caller.
	accept func(*http.Response) error
	silent bool       // a write that this server does not acknowledge
	room   *scan.Room // what may be held of the answer
}

// A Payload is a request body that can be sent again.
type Payload struct {
	contentType string
	encoding    string
	size        int64
	open        func() (io.ReadCloser, error)
}

// JSONBody returns a body of the given JSON text.
func JSONBody(text []byte) *Payload {
	return &Payload{
		contentType: "application/json;charset=utf-8",
		size:        int64(len(text)),
		open:        func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
	}
}

// write reports whether the call changes something on the server. Many writes
// of the API are GETs.
func (cl *Call) write() bool {
	if cl.Reads || cl.Mutates {
		return cl.Mutates
	}
	return cl.Method != http.MethodGet || strings.HasPrefix(cl.Path, "write/")
}

// Try sends a call once. The answer it returns is good: of status 2xx and, as
// far as the call wants it, whole and of the right type. Any other outcome is
// an error.
func (c *Conn) Try(ctx context.Context, cl *Call) (*http.Response, error) {
	t := new(trace)
	req, err := c.request(t.context(ctx, cl), cl, t)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err == nil {
		if err = c.judge.checkAnswer(cl, resp); err != nil {
			resp.Body.Close()
		}
	}
	t.closeSources()
	if err != nil {
		if se := t.failure.Load(); se != nil {
			return nil, se.err
		}
		if re, ok := errors.AsType[*scan.ReserveError](err); ok {
			return nil, re.Err
		}
		if e, ok := errors.AsType[*Error](err); ok {
			return nil, e
		}
		return nil, c.judge.networkError(ctx, cl, t, err)
	}
	return resp, nil
}

func (c *Conn) request(ctx context.Context, cl *Call, t *trace) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, cl.Method, c.target(ctx, cl), nil)
	if err != nil {
		return nil, fmt.Errorf("comet: %s %s: malformed request", cl.Method, c.judge.shownPath(cl))
	}
	if cl.storage == nil {
		req.URL.RawQuery = cl.Query.Encode()
	}
	maps.Copy(req.Header, cl.header)
	if cl.Body == nil {
		if cl.Unsafe {
			// A GET without a body, net/http sends again by itself when a
			// connection ends before the answer; one whose body cannot be had
			// again it does not. This body is empty, and none is sent.
			req.Body = io.NopCloser(strings.NewReader(""))
		}
		return req, nil
	}
	if cl.Body.contentType != "" {
		req.Header.Set("Content-Type", cl.Body.contentType)
	}
	if cl.Body.encoding != "" {
		req.Header.Set("Content-Encoding", cl.Body.encoding)
	}
	req.ContentLength = cl.Body.size
	req.GetBody = func() (io.ReadCloser, error) {
		rc, err := cl.Body.open()
		if err != nil {
			return nil, t.sourceFailed(err)
		}
		return t.addSource(rc), nil
	}
	if req.Body, err = req.GetBody(); err != nil {
		return nil, t.failure.Load().err
	}
	return req, nil
}

// target returns the address of a call, but for its query.
func (c *Conn) target(ctx context.Context, cl *Call) string {
	switch {
	case cl.storage != nil:
		return cl.storage.String()
	case cl.base != "":
		return cl.base + cl.Path
	}
	switch cl.Family {
	case familyAlt:
		return c.Server.addr.alt + cl.Path
	case FamilyClient:
		return c.Server.addr.clientlib + cl.Path
	}
	return c.Server.restURL(ctx) + cl.Path
}

// Document makes a call and returns its JSON answer.
func (c *Conn) Document(ctx context.Context, cl *Call) ([]byte, error) {
	cl.Want, cl.room = wantDocument, scan.NewRoom(ctx, c.largeTurn, scan.MaxDocument, 4<<10)
	defer cl.room.Done()
	resp, err := c.do(ctx, cl)
	if err != nil {
		return nil, err
	}
	return resp.Body.(*held).data, nil
}

// Get reads a JSON document of the REST API.
func (c *Conn) Get(ctx context.Context, rd Read, query ...string) ([]byte, error) {
	return c.Document(ctx, rd.Call(Query(query...)))
}

// Query builds a query from pairs. A pair with an empty value is left out:
// no call of the API tells an empty parameter from a missing one.
func Query(pairs ...string) url.Values {
	q := make(url.Values, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// ErrRedirects is a redirect without an end.
var ErrRedirects = errors.New("redirected more than 10 times")
