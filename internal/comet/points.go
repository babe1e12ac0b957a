package comet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// ValueKind tells how the server wrote the value of a metric point.
type ValueKind uint8

// Kinds of values.
const (
	NoValue ValueKind = iota // absent
	NullValue
	StringValue
	NumberValue
	BoolValue
)

// Point is one metric point as the server lists it.
type Point struct {
	Name  string
	Value string // the text of a string, else the literal; "" if null or absent
	Kind  ValueKind

	Time    Int // milliseconds
	Step    Int
	Epoch   Int
	Context *string // nil if null or absent

	// Extra is a JSON object of all that the fields above do not hold:
	// unknown members, and known ones of a type they should not have. It is
	// nil if there are none.
	Extra json.RawMessage
}

// MetricPoints calls yield for each point of one metric of an experiment, in
// the server's order. The Point is reused for the next call, what its fields
// refer to is not.
//
// If the connection breaks, the reading begins again, and restart is called
// before the first point comes a second time: the caller has to forget what it
// has taken. If restart is nil, a break after the first point is an error. An
// error of yield ends the reading and is returned as it is.
func (c *Client) MetricPoints(ctx context.Context, key, metric string, restart func(), yield func(*Point) error) error {
	q := url.Values{"experimentKey": {key}, "metricName": {metric}}
	return c.points(ctx, "experiment/metrics/get-metric", q, metric, restart, yield)
}

// AllPoints calls yield for each point of all metrics of an experiment, under
// the terms of [Client.MetricPoints]. Points of different metrics may be
// mixed. Older servers do not have the call: [ErrUnsupported].
func (c *Client) AllPoints(ctx context.Context, key string, restart func(), yield func(*Point) error) error {
	return c.gated(ctx, featureAllPoints, http.MethodGet, c.experimentExists(ctx, key), func() error {
		return c.points(ctx, featureAllPoints.path, values("experimentKey", key), "", restart, yield)
	})
}

// yieldError marks an error of the caller's own function.
type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }

func (c *Client) points(ctx context.Context, path string, q url.Values, metric string, restart func(), yield func(*Point) error) error {
	cl := &call{method: http.MethodGet, path: path, query: q, want: wantStream}
	return c.streamed(ctx, cl, restart, func(r io.Reader, taken *bool) error {
		return decodePoints(r, metric, func(p *Point) error {
			*taken = true
			if err := yield(p); err != nil {
				return &yieldError{err}
			}
			return nil
		})
	})
}

// streamed makes a call whose answer decode takes as it comes. A decode that
// has handed something to the caller sets taken; after a failure it begins
// again, and restart is called first.
func (c *Client) streamed(ctx context.Context, cl *call, restart func(), decode func(r io.Reader, taken *bool) error) error {
	e := c.retry.begin(cl)
	taken := false
	for {
		resp, err := c.doWith(ctx, cl, e)
		if err != nil {
			return err
		}
		if taken {
			restart()
			taken = false
		}
		err = decode(&alive{r: resp.Body, beat: c.retry.success}, &taken)
		resp.Body.Close()
		if err == nil {
			return nil
		}
		if ye, ok := err.(*yieldError); ok {
			return ye.err
		}
		if taken && restart == nil {
			return &Error{Method: cl.method, Path: c.shownPath(cl), Err: c.cause(err, false), gaveUp: true}
		}
		if err := c.streamFailed(ctx, e, cl, err); err != nil {
			return err
		}
	}
}

// alive reports each read that brings bytes.
type alive struct {
	r    io.Reader
	beat func()
}

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if n > 0 {
		a.beat()
	}
	return n, err
}

// decodePoints reads {"metrics": [point, ...]} from r.
func decodePoints(r io.Reader, metric string, yield func(*Point) error) error {
	s := newScanner(r, 128<<10)
	d := &pointDecoder{metric: metric, names: interned{}, contexts: make(map[string]*string)}
	err := s.object(func(name string) error {
		c, err := s.peek()
		if err != nil {
			return err
		}
		if name != "metrics" || c != '[' {
			return s.checked()
		}
		s.pos++
		return d.list(s, yield)
	})
	if err != nil {
		return err
	}
	return s.finish()
}

// checked reads past a value of moderate size and checks its syntax.
func (s *scanner) checked() error {
	v, err := s.value()
	if err == nil && !json.Valid(v) {
		err = errSyntax
	}
	return err
}

// errMore says that an object goes on after the end of the buffer.
var errMore = errors.New("more")

// pointDecoder decodes points without an allocation for each: names and
// contexts are interned, other texts cut from larger pieces.
type pointDecoder struct {
	metric   string
	p        Point
	names    interned
	contexts map[string]*string
	texts    texts
	objects  objects
	extra    []byte
}

// list reads the points up to the end of the array.
func (d *pointDecoder) list(s *scanner, yield func(*Point) error) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c == ']' {
		s.pos++
		return nil
	}
	for {
		if c, err = s.peek(); err != nil {
			return err
		}
		if c != '{' {
			return errSyntax
		}
		n, err := d.point(s.buf[s.pos:s.end])
		if err == errMore {
			if !s.fill() {
				return s.broken()
			}
			continue
		}
		if err != nil {
			return err
		}
		s.pos += n
		if err := yield(&d.p); err != nil {
			return err
		}
		if c, err = s.peek(); err != nil {
			return err
		}
		s.pos++
		switch c {
		case ']':
			return nil
		case ',':
		default:
			return errSyntax
		}
	}
}

// point decodes the object at the start of b and returns its length.
func (d *pointDecoder) point(b []byte) (int, error) {
	d.p = Point{Name: d.metric}
	d.extra = d.extra[:0]
	i := skipSpace(b, 1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		nameEnd, err := shortStringEnd(b, i)
		if err != nil {
			return 0, err
		}
		name := b[i:nameEnd]
		if i = skipSpace(b, nameEnd); i >= len(b) {
			return 0, errMore
		}
		if b[i] != ':' {
			return 0, errSyntax
		}
		i = skipSpace(b, i+1)
		end := valueEnd(b, i)
		// What ends with the buffer may go on.
		if end < 0 || end >= len(b) {
			return 0, errMore
		}
		if err := d.member(name, b[i:end]); err != nil {
			return 0, err
		}
		if i = skipSpace(b, end); i >= len(b) {
			return 0, errMore
		}
		switch b[i] {
		case '}':
			d.finish()
			return i + 1, nil
		case ',':
			i = skipSpace(b, i+1)
		default:
			return 0, errSyntax
		}
	}
}

// shortStringEnd is stringEnd for names, which are short, with a check of the
// characters. i must be at the opening quote.
func shortStringEnd(b []byte, i int) (int, error) {
	if i >= len(b) {
		return 0, errMore
	}
	if b[i] != '"' {
		return 0, errSyntax
	}
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			return j + 1, nil
		case c == '\\':
			j++
		case c < ' ':
			return 0, errSyntax
		}
	}
	return 0, errMore
}

// member takes one member of a point. name and v are raw.
func (d *pointDecoder) member(name, v []byte) error {
	kind, err := kindOf(v)
	if err != nil {
		return err
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		if !json.Valid(name) {
			return errSyntax
		}
		name = Quote(unquote(name))
	}
	p, ok := &d.p, false
	switch string(name) {
	case `"metricName"`:
		if ok = kind.text(); ok {
			p.Name = d.names.get(content(kind, v))
		}
	case `"metricValue"`:
		if ok = kind != kindOther; ok {
			p.Kind, p.Value = d.value(kind, v)
		}
	case `"timestamp"`:
		ok = setInt(&p.Time, kind, v)
	case `"step"`:
		ok = setInt(&p.Step, kind, v)
	case `"epoch"`:
		ok = setInt(&p.Epoch, kind, v)
	case `"runContext"`:
		switch {
		case kind == kindNull:
			p.Context, ok = nil, true
		case kind.text():
			p.Context, ok = d.context(content(kind, v)), true
		}
	}
	if ok {
		return nil
	}
	d.extra = append(append(append(append(d.extra, ','), name...), ':'), v...)
	return nil
}

// jsonKind is the type of a raw JSON value.
type jsonKind uint8

const (
	kindOther jsonKind = iota // an object or array
	kindNull
	kindPlain  // a string of ASCII without escapes
	kindString // any other string
	kindNumber
	kindBool
)

func (k jsonKind) text() bool { return k == kindPlain || k == kindString }

// kindOf returns the type of a raw value and checks that it is well formed.
func kindOf(v []byte) (jsonKind, error) {
	if len(v) == 0 {
		return 0, errSyntax
	}
	switch v[0] {
	case '"':
		if plainString(v) {
			return kindPlain, nil
		}
		if json.Valid(v) {
			return kindString, nil
		}
	case 'n':
		if string(v) == "null" {
			return kindNull, nil
		}
	case 't', 'f':
		if string(v) == "true" || string(v) == "false" {
			return kindBool, nil
		}
	case '{', '[':
		if json.Valid(v) {
			return kindOther, nil
		}
	default:
		if isNumber(v) {
			return kindNumber, nil
		}
	}
	return 0, errSyntax
}

// plainString reports whether a raw string is ASCII without escapes.
func plainString(v []byte) bool {
	for _, c := range v[1 : len(v)-1] {
		if c < ' ' || c == '\\' || c == '"' || c >= 0x80 {
			return false
		}
	}
	return true
}

// content returns the bytes of a raw string, which are valid for the moment.
func content(kind jsonKind, v []byte) []byte {
	if kind == kindPlain {
		return v[1 : len(v)-1]
	}
	return []byte(unquote(v))
}

func (d *pointDecoder) value(kind jsonKind, v []byte) (ValueKind, string) {
	switch kind {
	case kindNull:
		return NullValue, ""
	case kindPlain, kindString:
		return StringValue, d.texts.text(content(kind, v))
	case kindBool:
		return BoolValue, d.names.get(v)
	}
	return NumberValue, d.texts.text(v)
}

// setInt takes an integer, null, or a text that holds an integer. Others are
// left to the caller.
func setInt(i *Int, kind jsonKind, v []byte) bool {
	switch kind {
	case kindNull:
		*i = Int{State: Null}
		return true
	case kindNumber, kindPlain:
		n, ok := quickInt(trimQuotes(v))
		if !ok {
			n, ok = parseInt(trimQuotes(v))
		}
		if ok {
			*i = IntOf(n)
		}
		return ok
	}
	return false
}

// quickInt reads what nearly all integers look like.
func quickInt(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func (d *pointDecoder) context(b []byte) *string {
	if s, ok := d.contexts[string(b)]; ok {
		return s
	}
	if len(d.contexts) >= maxInterned {
		clear(d.contexts)
	}
	s := string(b)
	d.contexts[s] = &s
	return &s
}

// finish completes the point that has been read.
func (d *pointDecoder) finish() {
	if len(d.extra) == 0 {
		return
	}
	d.extra[0] = '{'
	d.extra = append(d.extra, '}')
	d.p.Extra = d.objects.bytes(d.extra)
}

// maxInterned bounds the tables of known texts, against a server that gives
// each point a name or context of its own.
const maxInterned = 1 << 16

// interned keeps one copy of each text.
type interned map[string]string

func (m interned) get(b []byte) string {
	if s, ok := m[string(b)]; ok {
		return s
	}
	if len(m) >= maxInterned {
		clear(m)
	}
	s := string(b)
	m[s] = s
	return s
}

// pieceSize is the memory that texts and objects allocate at a time. Ones that
// are large for it are allocated by themselves.
const pieceSize = 32 << 10

// texts cuts strings from larger pieces of memory.
type texts struct{ b strings.Builder }

func (t *texts) text(b []byte) string {
	if len(b) > pieceSize/4 {
		return string(b)
	}
	if t.b.Cap()-t.b.Len() < len(b) {
		t.b.Reset()
		t.b.Grow(pieceSize)
	}
	from := t.b.Len()
	t.b.Write(b)
	return t.b.String()[from:]
}

// objects does for byte slices what texts does for strings.
type objects struct{ b []byte }

func (o *objects) bytes(b []byte) []byte {
	if len(b) > pieceSize/4 {
		return bytes.Clone(b)
	}
	if cap(o.b)-len(o.b) < len(b) {
		o.b = make([]byte, 0, pieceSize)
	}
	from := len(o.b)
	o.b = append(o.b, b...)
	return o.b[from:len(o.b):len(o.b)]
}
