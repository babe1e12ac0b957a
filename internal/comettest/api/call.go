// Package api takes a request to its answer: it finds the call, checks the key and what
// it may do, reads the body and writes the answer. What the calls do is in the packages of
// the areas.
package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/mood"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// Call is one request on its way to an answer.
type Call struct {
	*Instance
	Writer  http.ResponseWriter
	Request *http.Request
	Moods   *mood.Moods
	Params  map[string]string // segments of the path
	Query   url.Values
	Body    []byte // the JSON body, unpacked; valid until the end of the call
	Key     *Key
	Answer  []byte // the answer, written after the handler let go of its locks
}

// NewCall is a call of which nothing has been read yet.
func NewCall(in *Instance, w http.ResponseWriter, r *http.Request) *Call {
	return &Call{Instance: in, Writer: w, Request: r, Moods: in.Moods.Load()}
}

// serve authenticates the call and hands it to the route.
func (c *Call) serve(b *boundRoute) {
	u := unpackers.Get().(*unpacker)
	defer u.keep()
	err := c.prepare(b.Route, u)
	if err == nil {
		err = b.Handle(c)
	}
	if err != nil {
		c.fail(err)
		return
	}
	if c.Answer != nil {
		c.write(http.StatusOK, c.Answer)
	}
}

// prepare reads what the request says, and checks its key.
func (c *Call) prepare(r *Route, u *unpacker) (err error) {
	if c.Query, err = url.ParseQuery(c.Request.URL.RawQuery); err != nil {
		return refusal.BadRequest("query: %v", err)
	}
	if r.Method != http.MethodGet && !r.Stream {
		if err := c.readBody(u); err != nil {
			return err
		}
	}
	if r.Python {
		c.Body = wire.QuoteNumbers(c.Body)
	}
	if r.Auth == AuthNone {
		return nil
	}
	c.Key = c.findKey(r.Auth)
	if c.Key != nil {
		return nil
	}
	if r.Handshake {
		return BadKey(http.StatusBadRequest)
	}
	return BadKey(http.StatusUnauthorized)
}

// BadKey is the answer for a key that the server does not know.
func BadKey(status int) error {
	return refusal.New(status, refusal.CodeBadKey, "API key is not registered")
}

func (c *Call) findKey(auth Auth) *Key {
	for _, h := range []string{"Authorization", "Comet-Sdk-Api"} {
		if k := c.LookupKey(c.Request.Header.Get(h)); k != nil {
			return k
		}
	}
	switch auth {
	case AuthQuery:
		return c.LookupKey(c.Query.Get("apiKey"))
	case AuthBody:
		var keys struct {
			APIKey  string `json:"apiKey"`
			APIKey2 string `json:"api_key"`
		}
		if json.Unmarshal(c.Body, &keys) != nil {
			return nil
		}
		if k := c.LookupKey(keys.APIKey); k != nil {
			return k
		}
		return c.LookupKey(keys.APIKey2)
	}
	return nil
}

// readBody reads the body of the request, and unpacks it if it came as gzip.
func (c *Call) readBody(u *unpacker) error {
	var r io.Reader = c.Request.Body
	switch enc := c.Request.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		if c.Moods.RefuseGzip {
			return refusal.New(http.StatusUnsupportedMediaType, 0, "content encoding %q is not supported", enc)
		}
		if err := u.zr.Reset(r); err != nil {
			return refusal.BadRequest("gzip body: %v", err)
		}
		r = &u.zr
	default:
		return refusal.BadRequest("content encoding %q is not supported", enc)
	}
	limit := c.Limits.BodyMB << 20
	_, err := u.buf.ReadFrom(blob.Limited(r, limit))
	c.Body = u.buf.Bytes()
	if errors.Is(err, blob.ErrTooLarge) {
		return refusal.New(http.StatusRequestEntityTooLarge, 0, "request body is over %d bytes", limit)
	}
	if err != nil {
		return refusal.BadRequest("request body: %v", err)
	}
	return nil
}

// CheckJSON reports a body that does not say it is JSON.
func (c *Call) CheckJSON() error {
	if ct := c.Request.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		return refusal.BadRequest("content type %q is not application/json", ct)
	}
	return nil
}

// Decode reads the JSON body into v. Names are compared exactly, unknown ones
// ignored.
func (c *Call) Decode(v any) error {
	if err := c.CheckJSON(); err != nil {
		return err
	}
	if err := json.Unmarshal(wire.ExactNames(c.Body, v), v); err != nil {
		return refusal.BadRequest("request body is not the expected JSON: %v", err)
	}
	return nil
}

// Send answers 200 with doc as JSON.
func (c *Call) Send(doc any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	c.SendRaw(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
	return nil
}

// SendRaw answers 200 with JSON that is ready but for the moods.
func (c *Call) SendRaw(doc []byte) {
	if c.Moods.ChangesDocs() {
		doc = c.Moods.Change(doc)
	}
	c.Answer = doc
}

func (c *Call) write(status int, doc []byte) {
	h := c.Writer.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	if len(doc) > 1024 && c.AcceptsGzip() {
		h.Set("Content-Encoding", "gzip")
		c.Writer.WriteHeader(status)
		zw := GetGzip(c.Writer)
		zw.Write(doc)
		PutGzip(zw)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(doc)))
	c.Writer.WriteHeader(status)
	c.Writer.Write(doc)
}

// AcceptsGzip reports whether the answer may be packed.
func (c *Call) AcceptsGzip() bool {
	return !c.Moods.NoGzip && strings.Contains(c.Request.Header.Get("Accept-Encoding"), "gzip")
}

// Ack is the answer to a write that has nothing to say.
type Ack struct {
	Msg          string `json:"msg"`
	Code         int    `json:"code"`
	Data         any    `json:"data"`
	SDKErrorCode int    `json:"sdk_error_code"`
}

// Saved is an acknowledgement in words.
func Saved(msg string) Ack { return Ack{Msg: msg, Code: http.StatusOK} }

// Ack answers 200 with an acknowledgement.
func (c *Call) Ack() error { return c.Send(Saved("Saved")) }

func (c *Call) fail(err error) {
	e, ok := errors.AsType[*refusal.Error](err)
	if !ok {
		e = refusal.New(http.StatusInternalServerError, 0, "%v", err)
	}
	status := e.Status
	if e.Missing && c.Moods.BadRequestForMissing {
		status = http.StatusBadRequest
	}
	doc, _ := json.Marshal(Ack{Msg: e.Msg, Code: status, SDKErrorCode: e.Code}) // strings and ints
	c.write(status, doc)
}

// Param returns a parameter of the query that must be there.
func (c *Call) Param(name string) (string, error) {
	if v := c.Optional(name); v != "" {
		return v, nil
	}
	return "", refusal.BadRequest("parameter %s is missing", name)
}

// Optional returns a parameter of the query, "" if it is not there.
func (c *Call) Optional(name string) string { return c.Query.Get(name) }

// scalar returns a parameter that is no text: clients write None for those that
// they leave out. A text may be just that, as the name of a metric.
func (c *Call) scalar(name string) string {
	if v := c.Query.Get(name); v != "None" {
		return v
	}
	return ""
}

// Flag reads a boolean parameter; nil if it is not there.
func (c *Call) Flag(name string) (*bool, error) {
	switch v := c.scalar(name); strings.ToLower(v) {
	case "":
		return nil, nil
	case "true", "1":
		return new(true), nil
	case "false", "0":
		return new(false), nil
	default:
		return nil, refusal.BadRequest("parameter %s: %q is not a boolean", name, v)
	}
}

// Number reads an integer parameter; nil if it is not there.
func (c *Call) Number(name string) (*int64, error) {
	v := c.scalar(name)
	if v == "" {
		return nil, nil
	}
	i, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return nil, refusal.BadRequest("parameter %s: %q is not an integer", name, v)
	}
	return &i, nil
}

// Ordinal reads a parameter that is a step or an epoch; nil if it is not there.
func (c *Call) Ordinal(name string) (*int64, error) {
	v := c.scalar(name)
	if v == "" {
		return nil, nil
	}
	i, ok := wire.ParseOrdinal(v)
	if !ok {
		return nil, refusal.BadRequest("parameter %s: %q is not an integer", name, v)
	}
	return &i, nil
}

// Text returns a parameter as a pointer, nil if it is not there.
func (c *Call) Text(name string) *string {
	if !c.Query.Has(name) {
		return nil
	}
	return new(c.Query.Get(name))
}

// Version is that of the server, as the moods may have it.
func (c *Call) Version() Version {
	v, err := ParseVersion(c.Moods.Version)
	if err != nil {
		v, _ = ParseVersion(c.Release) // checked by New
	}
	return v
}

// Root is the address under which the client reached the instance.
func (c *Call) Root() string {
	scheme := "http"
	if c.Request.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.Request.Host + c.Prefix + "/"
}
