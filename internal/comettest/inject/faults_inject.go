package inject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"
)

// inject lets the fault happen.
func (s *faultStrike) inject(w http.ResponseWriter, r *http.Request, next http.Handler) {
	f := s.rule
	switch f.Kind {
	case FaultLag:
		s.stale.replay(w)
		return
	case FaultResetHead, FaultResetBody, FaultShort, FaultLength, FaultStall:
		cut := &cutWriter{ResponseWriter: w, request: r, rule: f}
		next.ServeHTTP(cut, r)
		cut.finish()
		return
	case FaultTrickle:
		next.ServeHTTP(newTrickleWriter(w, r, f), r)
		return
	case FaultHang:
		f.hang(w, r, next)
		return
	}
	if f.Done || f.Kind == FaultLost {
		next.ServeHTTP(newDiscardWriter(), r)
	}
	switch f.Kind {
	case FaultRefuse:
		hangUp(w, false)
	case FaultReset:
		// A read that fails means that the client has hung up already.
		_, _ = io.CopyN(io.Discard, r.Body, f.Bytes)
		hangUp(w, true)
	case FaultLost:
		hangUp(w, true)
	case FaultHTML:
		WriteHTML(w, http.StatusOK, "Sign in")
	default:
		s.writeStatus(w)
	}
}

// hang is FaultHang.
func (f *Fault) hang(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if f.Delay > 0 && !f.Done {
		waitFor(r.Context(), f.Delay)
		next.ServeHTTP(w, r)
		return
	}
	if f.Done {
		next.ServeHTTP(newDiscardWriter(), r)
	}
	// The server notices that the client has left only once it has read the
	// whole request; a read that fails says the same.
	_, _ = io.Copy(io.Discard, r.Body)
	waitFor(r.Context(), f.Delay)
	hangUp(w, true)
}

// waitFor waits for d, or until the client has left where d is 0. It reports
// whether the client is still there.
func waitFor(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		<-ctx.Done()
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// writeStatus answers with the status of the kind, in the form in which the
// server, or the gateway before it, gives it.
func (s *faultStrike) writeStatus(w http.ResponseWriter) {
	code := s.rule.Kind.status()
	if s.retryAfter != "" {
		w.Header().Set("Retry-After", s.retryAfter)
	}
	switch code {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		WriteHTML(w, code, fmt.Sprintf("%d %s", code, http.StatusText(code)))
		return
	}
	doc, err := json.Marshal(map[string]any{
		"msg": http.StatusText(code) + " (injected)", "code": code, "data": nil, "sdk_error_code": s.rule.SDKErrorCode,
	})
	if err != nil {
		panic("comettest: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// A client that has left needs no answer, here and below.
	_, _ = w.Write(doc)
}

// WriteHTML answers with the page of a gateway.
func WriteHTML(w http.ResponseWriter, code int, title string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, "<html>\n<head><title>%[1]s</title></head>\n<body><h1>%[1]s</h1></body>\n</html>\n", title)
}

// hangUp ends the connection of a request, what has been written so far having
// been flushed by the caller. The handler must return after it.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 cannot be hijacked: the server resets the stream instead.
		panic(http.ErrAbortHandler)
	}
	closeConn(conn, reset)
}

// closeConn closes a connection, with a TCP reset where it has TCP below.
func closeConn(conn net.Conn, reset bool) {
	if reset {
		inner := conn
		for {
			below, ok := inner.(interface{ NetConn() net.Conn })
			if !ok {
				break
			}
			inner = below.NetConn()
		}
		if tcp, ok := inner.(*net.TCPConn); ok {
			// The innermost goes first: TLS would say goodbye before.
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		}
	}
	_ = conn.Close()
}

// errCut is what a handler gets that writes after the cut.
var errCut = errors.New("comettest: the answer was cut by a fault")

// maxHeld is how much of an answer of undeclared length is held back in order
// to learn the length.
const maxHeld = 1 << 20

// A cutWriter lets the answer through up to a point and does there what the
// rule says.
type cutWriter struct {
	http.ResponseWriter
	request *http.Request
	rule    *Fault
	status  int    // 0 until the handler has given it
	held    []byte // the body as long as the length is unknown
	started bool   // the headers are out
	ended   bool   // the connection is gone
	left    int64  // body bytes until the cut
}

func (c *cutWriter) WriteHeader(status int) {
	if status < 200 {
		c.ResponseWriter.WriteHeader(status)
		return
	}
	if c.status != 0 {
		return
	}
	c.status = status
	if n, err := strconv.ParseInt(c.Header().Get("Content-Length"), 10, 64); err == nil {
		c.start(n)
	}
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if !c.started {
		c.held = append(c.held, p...)
		if len(c.held) < maxHeld {
			return len(p), nil
		}
		c.start(-1)
		p = nil
	}
	if err := c.pass(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// finish ends the answer when the handler is done.
func (c *cutWriter) finish() {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if !c.started {
		c.start(int64(len(c.held)))
	}
	if !c.ended && c.rule.Kind != FaultStall {
		// The handler wrote less than it had declared.
		_ = c.cut(nil)
	}
}

// start sends the headers and what has been held of the body. The length is
// -1 where it stays unknown.
func (c *cutWriter) start(length int64) {
	c.started = true
	whole := length
	if length < 0 {
		whole = int64(len(c.held))
	}
	c.left = c.cutPoint(whole)
	declared := length
	switch c.rule.Kind {
	case FaultShort:
		// An empty body cannot be cut: it is announced as one byte.
		declared = max(length, 1)
		if length < 0 {
			declared = -1
		}
	case FaultLength:
		declared = c.left
		if length == 0 {
			declared = 1
		}
	}
	if declared >= 0 && c.request.Method != http.MethodHead && hasBody(c.status) {
		c.Header().Set("Content-Length", strconv.FormatInt(declared, 10))
	}
	c.ResponseWriter.WriteHeader(c.status)
	held := c.held
	c.held = nil
	if len(held) > 0 {
		// The next write tells the handler.
		_ = c.pass(held)
	}
}

// cutPoint returns how much of a body is let through.
func (c *cutWriter) cutPoint(whole int64) int64 {
	switch {
	case c.rule.Kind == FaultResetHead:
		return 0
	case c.rule.Bytes > 0:
		return max(0, min(c.rule.Bytes, whole-1))
	}
	return whole / 2
}

func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// pass writes a piece of the body, and cuts where it is due.
func (c *cutWriter) pass(p []byte) error {
	if c.ended {
		return errCut
	}
	n := int(min(c.left, int64(len(p))))
	if n > 0 {
		c.left -= int64(n)
		if _, err := c.ResponseWriter.Write(p[:n]); err != nil {
			return err
		}
	}
	if c.left > 0 {
		return nil
	}
	return c.cut(p[n:])
}

// cut does what the rule says, rest being the body beyond the cut as far as it
// is known.
func (c *cutWriter) cut(rest []byte) error {
	rc := http.NewResponseController(c.ResponseWriter)
	// After a failed flush there is nobody left to be troubled.
	_ = rc.Flush()
	if c.rule.Kind == FaultStall {
		if waitFor(c.request.Context(), c.rule.Delay) {
			c.left = math.MaxInt64
			_, err := c.ResponseWriter.Write(rest)
			return err
		}
	}
	c.ended = true
	conn, _, err := rc.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c.rule.Kind == FaultLength {
		_, _ = conn.Write(rest)
	}
	closeConn(conn, c.rule.Kind == FaultResetHead || c.rule.Kind == FaultResetBody)
	return errCut
}

// A trickleWriter sends the body in small pieces with pauses.
type trickleWriter struct {
	http.ResponseWriter
	ctx   context.Context
	piece int
	delay time.Duration
	sent  bool
}

func newTrickleWriter(w http.ResponseWriter, r *http.Request, f *Fault) *trickleWriter {
	t := &trickleWriter{ResponseWriter: w, ctx: r.Context(), piece: int(f.Bytes), delay: f.Delay}
	if t.piece == 0 {
		t.piece = 1
	}
	if t.delay == 0 {
		t.delay = time.Second
	}
	return t
}

func (t *trickleWriter) Write(p []byte) (int, error) {
	rc := http.NewResponseController(t.ResponseWriter)
	for done := 0; done < len(p); {
		if t.sent && !waitFor(t.ctx, t.delay) {
			return done, t.ctx.Err()
		}
		t.sent = true
		n, err := t.ResponseWriter.Write(p[done:min(len(p), done+t.piece)])
		done += n
		if err != nil {
			return done, err
		}
		if err := rc.Flush(); err != nil {
			return done, err
		}
	}
	return len(p), nil
}

// A discardWriter takes an answer that nobody gets.
type discardWriter struct{ header http.Header }

func newDiscardWriter() *discardWriter { return &discardWriter{header: make(http.Header)} }

func (d *discardWriter) Header() http.Header         { return d.header }
func (d *discardWriter) WriteHeader(int)             {}
func (d *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
