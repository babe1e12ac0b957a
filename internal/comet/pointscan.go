package comet

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// decodePoints reads {"metrics": [point, ...]}.
func decodePoints(s *scan.Scanner, metric string, yield func(*Point) error) error {
	d := &pointDecoder{metric: metric, names: newInterned(), contexts: newInterned()}
	return s.Listed(readPoints.Wants, nil, func() error { return d.list(s, yield) })
}

// errMore says that an object goes on after the end of the buffer.
var errMore = errors.New("more")

// pointDecoder decodes points without an allocation for each: names and
// contexts are interned, other texts cut from larger pieces.
type pointDecoder struct {
	metric   string
	p        Point
	names    *interned
	contexts *interned
	texts    texts
	objects  objects
	extra    []byte
}

// list reads an array of points.
func (d *pointDecoder) list(s *scan.Scanner, yield func(*Point) error) error {
	return s.Elements(func() error {
		for {
			c, err := s.Peek()
			if err != nil {
				return err
			}
			if c != '{' {
				return wire.ErrSyntax
			}
			n, err := d.point(s.Unread())
			switch {
			case err == errMore:
				err = s.More()
			case err == nil:
				s.Advance(n)
				return yield(&d.p)
			}
			if err != nil {
				return err
			}
		}
	})
}

// point decodes the object at the start of b and returns its length.
func (d *pointDecoder) point(b []byte) (int, error) {
	d.p = Point{Name: d.metric}
	d.extra = d.extra[:0]
	i := wire.SkipSpace(b, 1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		nameEnd, err := shortStringEnd(b, i)
		if err != nil {
			return 0, err
		}
		name := b[i:nameEnd]
		if i = wire.SkipSpace(b, nameEnd); i >= len(b) {
			return 0, errMore
		}
		if b[i] != ':' {
			return 0, wire.ErrSyntax
		}
		i = wire.SkipSpace(b, i+1)
		end := wire.ValueEnd(b, i)
		// What ends with the buffer may go on.
		if end < 0 || end >= len(b) {
			return 0, errMore
		}
		if err := d.member(name, b[i:end]); err != nil {
			return 0, err
		}
		if i = wire.SkipSpace(b, end); i >= len(b) {
			return 0, errMore
		}
		switch b[i] {
		case '}':
			d.finish()
			return i + 1, nil
		case ',':
			i = wire.SkipSpace(b, i+1)
		default:
			return 0, wire.ErrSyntax
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
		return 0, wire.ErrSyntax
	}
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			return j + 1, nil
		case c == '\\':
			j++
		case c < ' ':
			return 0, wire.ErrSyntax
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
			return wire.ErrSyntax
		}
		name = wire.Quote(wire.Unquote(name))
	}
	p, ok := &d.p, false
	switch string(name) {
	case `"metricName"`:
		if ok = kind.text(); ok {
			p.Name = *d.names.get(content(kind, v))
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
	case `"offset"`:
		ok = setInt(&p.Offset, kind, v)
	case `"runContext"`:
		switch {
		case kind == kindNull:
			p.Context, ok = nil, true
		case kind.text():
			p.Context, ok = d.contexts.get(content(kind, v)), true
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
		return 0, wire.ErrSyntax
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
		if wire.IsNumber(v) {
			return kindNumber, nil
		}
	}
	return 0, wire.ErrSyntax
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
	return []byte(wire.Unquote(v))
}

func (d *pointDecoder) value(kind jsonKind, v []byte) (ValueKind, string) {
	switch kind {
	case kindNull:
		return NullValue, ""
	case kindPlain, kindString:
		return StringValue, d.texts.text(content(kind, v))
	case kindBool:
		return BoolValue, *d.names.get(v)
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
		n, ok := quickInt(wire.TrimQuotes(v))
		if !ok {
			n, ok = wire.ParseInt(wire.TrimQuotes(v))
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

// interned keeps one copy of each text. It is quickest for one that is the
// same as the last.
type interned struct {
	known map[string]*string
	last  *string
}

func newInterned() *interned { return &interned{map[string]*string{}, new(string)} }

func (t *interned) get(b []byte) *string {
	if string(b) == *t.last {
		return t.last
	}
	s, ok := t.known[string(b)]
	if !ok {
		if len(t.known) >= maxInterned {
			clear(t.known)
		}
		text := string(b)
		s = &text
		t.known[text] = s
	}
	t.last = s
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
