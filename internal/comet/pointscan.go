package comet

import (
	"bytes"
	"encoding/json"
	"errors"

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

// pointDecoder decodes points without an allocation for each: names and contexts
// are interned, values and extra members are those of the buffer.
type pointDecoder struct {
	metric   string
	p        Point
	like     []written // the members of the point before
	names    *interned
	contexts *interned
	extra    []byte
}

// A written is a member of a point as it was written. The last of a point is its
// closing brace.
type written struct {
	upto  string // what stands between the values before and this one
	name  []byte // with its quotes
	field field
}

// A field is a member of a point that has a place in [Point].
type field uint8

const (
	fieldExtra field = iota
	fieldName
	fieldValue
	fieldTime
	fieldStep
	fieldEpoch
	fieldOffset
	fieldContext
)

var fieldsByName = map[string]field{
	`"metricName"`: fieldName, `"metricValue"`: fieldValue, `"timestamp"`: fieldTime, `"step"`: fieldStep,
	`"epoch"`: fieldEpoch, `"offset"`: fieldOffset, `"runContext"`: fieldContext,
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
			if err == nil {
				s.Advance(n)
				return yield(&d.p)
			}
			if err != errMore {
				return err
			}
			if err := s.More(); err != nil {
				return err
			}
		}
	})
}

// point decodes the object at the start of b and returns its length.
func (d *pointDecoder) point(b []byte) (int, error) {
	d.begin()
	if n := d.alike(b); n > 0 {
		d.finish()
		return n, nil
	}
	end := wire.ValueEnd(b, 0)
	if end < 0 {
		return 0, errMore
	}
	if !json.Valid(b[:end]) {
		return 0, wire.ErrSyntax
	}
	d.begin()
	d.members(b[:end])
	d.finish()
	return end, nil
}

func (d *pointDecoder) begin() {
	d.p = Point{Name: d.metric}
	d.extra = d.extra[:0]
}

// finish completes the point that has been read.
func (d *pointDecoder) finish() {
	if len(d.extra) > 0 {
		d.extra[0] = '{'
		d.extra = append(d.extra, '}')
		d.p.Extra = d.extra
	}
}

// alike decodes a point with the members of the one before, in the same order and
// with the same space around them, as servers write all of an answer. It looks at
// each byte once. It returns 0 for one that is different, or not there whole.
func (d *pointDecoder) alike(b []byte) int {
	i := 0
	for k := range d.like {
		w := &d.like[k]
		if !begins(b[i:], w.upto) {
			return 0
		}
		i += len(w.upto)
		if w.name == nil {
			return i
		}
		if p := d.integer(w.field); p != nil {
			if v, n := leadingInt(b[i:]); n > 0 {
				*p = IntOf(v)
				i += n
				continue
			}
		}
		kind, n := simpleValue(b[i:])
		if n == 0 {
			return 0
		}
		d.member(w, kind, b[i:i+n])
		i += n
	}
	return 0
}

func begins(b []byte, with string) bool { return len(b) >= len(with) && string(b[:len(with)]) == with }

// members decodes an object that is valid, and remembers how it is written.
func (d *pointDecoder) members(b []byte) {
	from, k := 0, 0
	for i := wire.SkipSpace(b, 1); b[i] != '}'; k++ {
		nameEnd := wire.ValueEnd(b, i)
		at := wire.SkipSpace(b, wire.SkipSpace(b, nameEnd)+1)
		w := d.learn(k, b[from:at], b[i:nameEnd])
		from = wire.ValueEnd(b, at)
		d.member(w, kindOf(b[at:from]), b[at:from])
		if i = wire.SkipSpace(b, from); b[i] == ',' {
			i = wire.SkipSpace(b, i+1)
		}
	}
	d.learn(k, b[from:], nil)
	d.like = d.like[:k+1]
}

// learn remembers the member k of a point.
func (d *pointDecoder) learn(k int, upto, name []byte) *written {
	if k == len(d.like) {
		d.like = append(d.like, written{})
	}
	w := &d.like[k]
	if w.upto != string(upto) {
		if bytes.IndexByte(name, '\\') >= 0 {
			name = wire.Quote(wire.Unquote(name))
		}
		*w = written{string(upto), bytes.Clone(name), fieldsByName[string(name)]}
	}
	return w
}

// member takes one member of a point.
func (d *pointDecoder) member(w *written, kind jsonKind, v []byte) {
	p, ok := &d.p, false
	switch w.field {
	case fieldName:
		if ok = kind.text(); ok {
			p.Name = *d.names.get(content(kind, v))
		}
	case fieldValue:
		if ok = kind != kindOther; ok {
			p.Kind, p.Value = d.value(kind, v)
		}
	case fieldContext:
		switch {
		case kind == kindNull:
			p.Context, ok = nil, true
		case kind.text():
			p.Context, ok = d.contexts.get(content(kind, v)), true
		}
	case fieldTime, fieldStep, fieldEpoch, fieldOffset:
		ok = setInt(d.integer(w.field), kind, v)
	}
	if !ok {
		d.extra = append(append(append(append(d.extra, ','), w.name...), ':'), v...)
	}
}

// integer returns the place of a field that is one, else nil.
func (d *pointDecoder) integer(f field) *Int {
	switch f {
	case fieldTime:
		return &d.p.Time
	case fieldStep:
		return &d.p.Step
	case fieldEpoch:
		return &d.p.Epoch
	case fieldOffset:
		return &d.p.Offset
	}
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

// kindOf returns the type of a valid value.
func kindOf(v []byte) jsonKind {
	switch v[0] {
	case '"':
		if plainLen(v) == len(v) {
			return kindPlain
		}
		return kindString
	case 'n':
		return kindNull
	case 't', 'f':
		return kindBool
	case '{', '[':
		return kindOther
	}
	return kindNumber
}

// simpleValue returns type and length of the value at the start of b, where it is
// null, a number or a plain string, else 0.
func simpleValue(b []byte) (jsonKind, int) {
	switch {
	case len(b) == 0:
	case b[0] == '"':
		return kindPlain, plainLen(b)
	case begins(b, "null"):
		return kindNull, len("null")
	default:
		return kindNumber, wire.NumberLen(b)
	}
	return kindOther, 0
}

// plainLen returns the length of the string at the start of b, quotes included, 0
// if it is cut, or has an escape or anything but ASCII.
func plainLen(b []byte) int {
	for i, c := range b[1:] {
		switch {
		case c == '"':
			return i + 2
		case c < ' ' || c == '\\' || c >= 0x80:
			return 0
		}
	}
	return 0
}

// content returns the bytes of a raw string, which are valid for the moment.
func content(kind jsonKind, v []byte) []byte {
	if kind == kindPlain {
		return v[1 : len(v)-1]
	}
	return []byte(wire.Unquote(v))
}

func (d *pointDecoder) value(kind jsonKind, v []byte) (ValueKind, []byte) {
	switch kind {
	case kindNull:
		return NullValue, nil
	case kindPlain, kindString:
		return StringValue, content(kind, v)
	case kindBool:
		return BoolValue, v
	}
	return NumberValue, v
}

// setInt takes an integer, null, or a text that holds an integer. Others are
// left to the caller.
func setInt(i *Int, kind jsonKind, v []byte) bool {
	switch kind {
	case kindNull:
		*i = Int{}
		return true
	case kindNumber, kindPlain:
		n, ok := wire.ParseInt(wire.TrimQuotes(v))
		if ok {
			*i = IntOf(n)
		}
		return ok
	}
	return false
}

// leadingInt returns the integer that b begins with, and its length; 0 where
// there is none, or one that might be over the range.
func leadingInt(b []byte) (n int64, length int) {
	i := 0
	if begins(b, "-") {
		i = 1
	}
	first := i
	for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
		n = n*10 + int64(b[i]-'0')
	}
	if digits := i - first; digits == 0 || digits > 18 || digits > 1 && b[first] == '0' {
		return 0, 0
	}
	if first > 0 {
		n = -n
	}
	return n, i
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
