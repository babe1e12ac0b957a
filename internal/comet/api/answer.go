package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// A judge says what the answer to a call means, in errors that hold no secret.
type judge struct {
	server      *Server
	secrets     secrets
	absentWords []string // see [Options]
}

// checkAnswer turns all but good answers into errors, and reads the answers
// that are wanted whole.
func (j *judge) checkAnswer(cl *Call, resp *http.Response) error {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return j.refusal(cl, resp)
	}
	if cl.Want != WantBytes {
		if redirectedElsewhere(cl, resp) && IsHTML(resp, nil) {
			resp.Body.Close()
			return &redirectError{askedFor(resp), resp.Request.URL}
		}
		resp.Body = &unicodeBody{wire.Unicode(resp.Body, func() { noteNotUnicode(resp.Request, cl) }), resp.Body}
	}
	switch cl.Want {
	case wantDocument:
		data, err := readWhole(resp, cl.room)
		if err != nil {
			return err
		}
		if err := checkDocument(cl, resp, data); err != nil {
			return err
		}
		resp.Body = &held{bytes.NewReader(data), data}
	case wantStream:
		if resp.Header.Get("Content-Encoding") == "gzip" {
			return unpack.ErrRatio // it was to come as it is, see OpenText
		}
		if err := beginsJSON(resp, cl.Wants.Bare); err != nil {
			return err
		}
	}
	if cl.accept != nil {
		return cl.accept(resp)
	}
	return nil
}

// checkDocument returns an error for what is not the document that was asked
// for.
func checkDocument(cl *Call, resp *http.Response, data []byte) error {
	switch page := IsHTML(resp, data); {
	case page, !json.Valid(data) && notJSON(data) == scan.ErrCutShort:
		return notJSON(data)
	case !json.Valid(data) || !saysJSON(resp):
		if cl.write() {
			return NotAcknowledged(data)
		}
		return ErrNotJSON
	case cl.Check != nil:
		return cl.Check(data)
	}
	return cl.Wants.Holds(data)
}

// saysJSON reports whether the type of an answer is one that the official
// clients take for JSON, or is missing.
func saysJSON(resp *http.Response) bool {
	mt, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err != nil || mt == "application/json" || mt == "application/octet-stream" || strings.HasSuffix(mt, "+json")
}

// held is a body that has been read.
type held struct {
	*bytes.Reader
	data []byte
}

func (h *held) Close() error { return nil }

// beginsJSON looks at the first bytes of an answer that is read as a stream,
// so that a page is not taken for an answer of the server.
func beginsJSON(resp *http.Response, bare bool) error {
	if IsHTML(resp, nil) {
		return ErrNotJSON
	}
	br := bufio.NewReader(resp.Body)
	head, err := br.Peek(1)
	for err == nil && wire.SkipSpace(head, 0) == len(head) {
		if _, err = br.Discard(1); err == nil {
			head, err = br.Peek(1)
		}
	}
	switch {
	case err == io.EOF:
		return scan.ErrCutShort
	case err != nil:
		return err
	case head[0] != '{' && (head[0] != '[' || !bare):
		return ErrNotJSON
	}
	resp.Body = &buffered{br, resp.Body}
	return nil
}

// buffered closes the body beneath a reader of it.
type buffered struct {
	*bufio.Reader
	io.Closer
}

// notJSON tells an answer that was cut from one that is something else.
func notJSON(data []byte) error {
	if i := wire.SkipSpace(data, 0); i < len(data) && (data[i] == '{' || data[i] == '[') {
		return scan.ErrCutShort
	}
	return ErrNotJSON
}

// IsHTML reports whether an answer, of which data may be the beginning, is a page.
func IsHTML(resp *http.Response, data []byte) bool {
	mt, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mt == "text/html" || mt == "application/xhtml+xml" {
		return true
	}
	i := wire.SkipSpace(data, 0)
	return i < len(data) && data[i] == '<'
}

// readWhole reads a body and closes it.
func readWhole(resp *http.Response, r *scan.Room) ([]byte, error) {
	defer resp.Body.Close()
	size := 4 << 10
	if n := resp.ContentLength; n > 0 && n < scan.SmallAnswer {
		size = int(n) + 1
	}
	if err := r.Grow(size); err != nil {
		return nil, err
	}
	return scan.ReadAll(resp.Body, size, r)
}

// refusal reads why the server has not done a call. What a 4xx means follows only
// from its words and codes, as "exists already" after an answer that was lost:
// one that breaks off is no answer, and the call is tried again.
func (j *judge) refusal(cl *Call, resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxWords))
	resp.Body.Close()
	if err == nil && len(data) < maxWords && !json.Valid(data) && notJSON(data) == scan.ErrCutShort {
		err = scan.ErrCutShort
	}
	e := j.answerError(cl, resp, data)
	if err != nil && e.Status/100 == 4 && e.Status != http.StatusUnauthorized && !isTransient(e) {
		return fmt.Errorf("in the response %d %s: %w", e.Status, http.StatusText(e.Status), err)
	}
	return e
}

// maxWords is how much is read of what a server says about a failure.
const maxWords = 64 << 10

// answerError returns what the server says about a failure.
func (j *judge) answerError(cl *Call, resp *http.Response, data []byte) *Error {
	e := &Error{Method: cl.Method, Path: j.shownPath(cl), Status: resp.StatusCode}
	e.after = transport.RetryAfter(resp.Header)
	if e.storage = cl.storage != nil; e.storage {
		e.Msg = storageCode(data)
		return e
	}
	e.Msg, e.SDKCode = serverWords(resp, data)
	e.page = IsHTML(resp, data)
	e.Own = isOwn(data) && !redirectedElsewhere(cl, resp)
	if saysTLSPort(e.Status, data) {
		e.Msg, e.Err = "", errTLSPort
	}
	e.Msg = j.secrets.hide(clip(e.Msg))
	e.judge(cl, j.absentWords)
	return e
}

// redirectedElsewhere reports whether an answer is that of another path, to which the call
// was redirected: what it says is not of the call.
func redirectedElsewhere(cl *Call, resp *http.Response) bool {
	return resp.Request != nil && resp.Request.Response != nil && !strings.HasSuffix(resp.Request.URL.Path, "/"+cl.Path)
}

// askedFor returns the address of the request that was redirected, maybe more than
// once, to what gave the answer.
func askedFor(resp *http.Response) *url.URL {
	req := resp.Request
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
	}
	return req.URL
}

// serverWords finds the message and the code in the body of an error.
func serverWords(resp *http.Response, data []byte) (msg string, code int) {
	if !json.Valid(data) {
		if IsHTML(resp, data) {
			return "", 0
		}
		// A proxy in front of the server speaks plainly.
		return string(data), 0
	}
	var other string
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "msg":
			msg = wire.TextOrEmpty(v)
		case "message", "logMsg":
			other = wire.TextOrEmpty(v)
		case "sdk_error_code", "sdkErrorCode":
			code = int(wire.IntOrZero(v))
		}
	})
	if msg == "" {
		msg = other
	}
	return msg, code
}

// clip shortens a message that would fill the screen, and takes out what a
// terminal would obey.
func clip(s string) string {
	const most = 500
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// shownPath returns the path of a call as errors show it, without the query;
// that of another host begins with its name.
func (j *judge) shownPath(cl *Call) string {
	if cl.storage != nil {
		return cl.storage.Host + cl.storage.EscapedPath()
	}
	base := cl.base
	if base == "" {
		switch cl.Family {
		case FamilyREST:
			base = j.server.rest.known(j.server.addr.rest)
		case familyAlt:
			base = j.server.addr.alt
		case FamilyClient:
			base = j.server.addr.clientlib
		}
	}
	// The root has a slash too many.
	return j.secrets.hide(base[len(j.server.addr.root)-1:] + cl.Path)
}

// networkError describes a try without a usable answer. The error of package
// net/http quotes the URL with its query, so only its cause is kept.
func (j *judge) networkError(ctx context.Context, cl *Call, t *trace, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for {
		ue, ok := err.(*url.Error)
		if !ok {
			break
		}
		err = ue.Err
	}
	return j.badAnswer(cl, err, t.unsent(err))
}

// badAnswer describes an answer that is of no use, or the lack of one.
func (j *judge) badAnswer(cl *Call, err error, unsent bool) *Error {
	if l, ok := errors.AsType[*scan.Lack](err); ok {
		return j.lacking(cl, l)
	}
	return &Error{Method: cl.Method, Path: j.shownPath(cl), Err: j.cause(cl, explainNetworkError(err), unsent)}
}

// cause is the reason why no usable answer came.
type cause struct {
	err    error
	unsent bool // the request has certainly not reached the server
}

// cause wraps an error that comes from elsewhere. One that quotes a secret is
// replaced, so that its chain does not hold the secret either.
func (j *judge) cause(cl *Call, err error, unsent bool) *cause {
	text := err.Error()
	if shown := j.secretsOf(cl).hide(text); shown != text {
		err = errors.New(shown)
	}
	return &cause{err: err, unsent: unsent}
}

func (e *cause) Error() string { return e.err.Error() }
func (e *cause) Unwrap() error { return e.err }
