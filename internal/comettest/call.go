package comettest

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

// call is one request on its way to an answer.
type call struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	moods  *mood.Moods
	params map[string]string // segments of the path
	query  url.Values
	raw    []byte // the JSON body, unpacked; valid until the end of the call
	key    *Key
	out    []byte // the answer, written after the handler let go of its locks
}

// serve authenticates the call and hands it to the route.
func (c *call) serve(b *boundRoute) {
	u := unpackers.Get().(*unpacker)
	defer u.keep()
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		c.fail(refusal.BadRequest("query: %v", err))
		return
	}
	c.query = query
	if err := c.prepare(b.route, u); err != nil {
		c.fail(err)
		return
	}
	if err := b.handle(c); err != nil {
		c.fail(err)
		return
	}
	c.flush()
}

// flush writes the answer that a handler left.
func (c *call) flush() {
	if c.out != nil {
		c.write(http.StatusOK, c.out)
	}
}

func (c *call) prepare(r *route, u *unpacker) error {
	if r.method != http.MethodGet && !r.stream {
		if err := c.readBody(u); err != nil {
			return err
		}
	}
	if r.python {
		c.raw = wire.QuoteNumbers(c.raw)
	}
	if r.auth == authNone {
		return nil
	}
	c.key = c.findKey(r.auth)
	if c.key != nil {
		return nil
	}
	if r.handshake {
		return refusal.New(http.StatusBadRequest, refusal.CodeBadKey, "API key is not registered")
	}
	return refusal.New(http.StatusUnauthorized, refusal.CodeBadKey, "API key is not registered")
}

func (c *call) findKey(auth authKind) *Key {
	for _, h := range []string{"Authorization", "Comet-Sdk-Api"} {
		if k := c.s.lookupKey(c.r.Header.Get(h)); k != nil {
			return k
		}
	}
	switch auth {
	case authQuery:
		return c.s.lookupKey(c.query.Get("apiKey"))
	case authBody:
		var keys struct {
			APIKey  string `json:"apiKey"`
			APIKey2 string `json:"api_key"`
		}
		if json.Unmarshal(c.raw, &keys) != nil {
			return nil
		}
		if k := c.s.lookupKey(keys.APIKey); k != nil {
			return k
		}
		return c.s.lookupKey(keys.APIKey2)
	}
	return nil
}

// lookupKey finds a key by the credential as sent: plain, or a smart key whose
// part before the star is a known key.
func (s *Server) lookupKey(sent string) *Key {
	plain, _, _ := strings.Cut(sent, "*")
	for i := range s.opts.Keys {
		k := &s.opts.Keys[i]
		if sent == k.Key || plain != "" && plain == k.Key {
			return k
		}
	}
	return nil
}

// readBody reads the body of the request, and unpacks it if it came as gzip.
func (c *call) readBody(u *unpacker) error {
	var r io.Reader = c.r.Body
	switch enc := c.r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		if c.moods.RefuseGzip {
			return refusal.New(http.StatusUnsupportedMediaType, 0, "content encoding %q is not supported", enc)
		}
		if err := u.zr.Reset(r); err != nil {
			return refusal.BadRequest("gzip body: %v", err)
		}
		r = &u.zr
	default:
		return refusal.BadRequest("content encoding %q is not supported", enc)
	}
	limit := c.s.opts.Limits.BodyMB << 20
	_, err := u.buf.ReadFrom(blob.Limited(r, limit))
	c.raw = u.buf.Bytes()
	if errors.Is(err, blob.ErrTooLarge) {
		return refusal.New(http.StatusRequestEntityTooLarge, 0, "request body is over %d bytes", limit)
	}
	if err != nil {
		return refusal.BadRequest("request body: %v", err)
	}
	return nil
}

// checkJSON reports a body that does not say it is JSON.
func (c *call) checkJSON() error {
	if ct := c.r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		return refusal.BadRequest("content type %q is not application/json", ct)
	}
	return nil
}

// decode reads the JSON body into v. Names are compared exactly, unknown ones
// ignored.
func (c *call) decode(v any) error {
	if err := c.checkJSON(); err != nil {
		return err
	}
	if err := json.Unmarshal(wire.ExactNames(c.raw, v), v); err != nil {
		return refusal.BadRequest("request body is not the expected JSON: %v", err)
	}
	return nil
}

// send answers 200 with doc as JSON.
func (c *call) send(doc any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	c.sendRaw(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
	return nil
}

// sendRaw answers 200 with JSON that is ready but for the moods.
func (c *call) sendRaw(doc []byte) {
	if c.moods.ChangesDocs() {
		doc = c.moods.Change(doc)
	}
	c.out = doc
}

func (c *call) write(status int, doc []byte) {
	h := c.w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	if len(doc) > 1024 && c.acceptsGzip() {
		h.Set("Content-Encoding", "gzip")
		c.w.WriteHeader(status)
		zw := getGzip(c.w)
		zw.Write(doc)
		putGzip(zw)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(doc)))
	c.w.WriteHeader(status)
	c.w.Write(doc)
}

func (c *call) acceptsGzip() bool {
	return !c.moods.NoGzip && strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip")
}

// ack is the answer to a write that has nothing to say.
type ack struct {
	Msg          string `json:"msg"`
	Code         int    `json:"code"`
	Data         any    `json:"data"`
	SDKErrorCode int    `json:"sdk_error_code"`
}

func saved(msg string) ack { return ack{Msg: msg, Code: http.StatusOK} }

// ack answers 200 with an acknowledgement.
func (c *call) ack() error { return c.send(saved("Saved")) }

func (c *call) fail(err error) {
	e, ok := errors.AsType[*refusal.Error](err)
	if !ok {
		e = refusal.New(http.StatusInternalServerError, 0, "%v", err)
	}
	status := e.Status
	if e.Missing && c.moods.BadRequestForMissing {
		status = http.StatusBadRequest
	}
	doc, _ := json.Marshal(ack{Msg: e.Msg, Code: status, SDKErrorCode: e.Code}) // strings and ints
	c.write(status, doc)
}

// param returns a parameter of the query that must be there.
func (c *call) param(name string) (string, error) {
	if v := c.optional(name); v != "" {
		return v, nil
	}
	return "", refusal.BadRequest("parameter %s is missing", name)
}

func (c *call) optional(name string) string { return c.query.Get(name) }

// scalar returns a parameter that is no text: clients write None for those that
// they leave out. A text may be just that, as the name of a metric.
func (c *call) scalar(name string) string {
	if v := c.query.Get(name); v != "None" {
		return v
	}
	return ""
}

// flag reads a boolean parameter; nil if it is not there.
func (c *call) flag(name string) (*bool, error) {
	t := true
	f := false
	switch v := c.scalar(name); strings.ToLower(v) {
	case "":
		return nil, nil
	case "true", "1":
		return &t, nil
	case "false", "0":
		return &f, nil
	default:
		return nil, refusal.BadRequest("parameter %s: %q is not a boolean", name, v)
	}
}

// number reads an integer parameter; nil if it is not there.
func (c *call) number(name string) (*int64, error) {
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

// ordinal reads a parameter that is a step or an epoch; nil if it is not there.
func (c *call) ordinal(name string) (*int64, error) {
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

// text returns a parameter as a pointer, nil if it is not there.
func (c *call) text(name string) *string {
	if !c.query.Has(name) {
		return nil
	}
	v := c.query.Get(name)
	return &v
}

func (c *call) now() int64 { return c.s.now() }

func (c *call) version() version {
	v, err := parseVersion(c.moods.Version)
	if err != nil {
		v, _ = parseVersion(c.s.opts.Version) // checked by New
	}
	return v
}

// root is the address under which the client reached the instance.
func (c *call) root() string {
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.r.Host + c.s.opts.Prefix + "/"
}
