package stream

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// A Value is the value of a metric point, exactly as the server gave it: a text,
// or a JSON null or boolean. The zero Value is null. Values are equal with == if
// and only if their texts are.
type Value struct {
	kind valueKind
	num  uint64 // the int64 or the bits of the float64
	text string // of valueText
}

type valueKind uint8

const (
	valueNull valueKind = iota
	valueFalse
	valueTrue
	valueInt
	valueFloat
	valueText
)

// TextValue returns the value of that text. Text that is a canonical integer, or
// a number in the form of encoding/json, is kept as the number, and Text gives
// it back as it was.
func TextValue[T string | []byte](text T) Value {
	if i, ok := pack.CanonicalInt(text); ok {
		return IntValue(i)
	}
	if f, ok := pack.CanonicalFloat(text); ok {
		return Value{kind: valueFloat, num: math.Float64bits(f)}
	}
	return Value{kind: valueText, text: string(text)}
}

// BoolValue returns the value of a JSON boolean.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: valueTrue}
	}
	return Value{kind: valueFalse}
}

// IntValue returns the value whose text is that integer.
func IntValue(i int64) Value { return Value{kind: valueInt, num: uint64(i)} }

// FloatValue returns the value whose text is f as encoding/json prints it, or
// "NaN", "Infinity" or "-Infinity".
func FloatValue(f float64) Value {
	if text, ok := pack.NotFinite(f); ok {
		return Value{kind: valueText, text: text}
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return TextValue(string(pack.AppendJSONFloat(nil, f))) // most often an integer
	}
	return Value{kind: valueFloat, num: math.Float64bits(f)}
}

// ValueFromJSON returns the value of a JSON text: of a string its contents, of a
// number its literal, of null and booleans themselves. Of an array or object it
// is the text.
func ValueFromJSON(text []byte) (Value, error) {
	text = bytes.TrimSpace(text)
	switch string(text) {
	case "null":
		return Value{}, nil
	case "false", "true":
		return BoolValue(text[0] == 't'), nil
	}
	doc, err := DocFromJSON(text)
	if err != nil {
		return Value{}, err
	}
	if s, ok := doc.Text(); ok {
		return TextValue(s), nil
	}
	return TextValue(string(text)), nil
}

// IsNull reports whether the value is a JSON null.
func (v Value) IsNull() bool { return v.kind == valueNull }

// Text returns the text of the value as the server gave it; "null", "true" or
// "false" for these.
func (v Value) Text() string {
	if v.kind == valueText {
		return v.text
	}
	return string(v.AppendText(nil))
}

// AppendText appends Text to b.
func (v Value) AppendText(b []byte) []byte {
	switch v.kind {
	case valueNull:
		return append(b, "null"...)
	case valueFalse:
		return append(b, "false"...)
	case valueTrue:
		return append(b, "true"...)
	case valueInt:
		return strconv.AppendInt(b, int64(v.num), 10)
	case valueFloat:
		return pack.AppendJSONFloat(b, math.Float64frombits(v.num))
	}
	return append(b, v.text...)
}

// String returns Text.
func (v Value) String() string { return v.Text() }

// AppendJSON appends the value as it is sent on to a server: text that is a JSON
// number as that number, other text as a string.
func (v Value) AppendJSON(b []byte) []byte {
	if v.kind == valueText && !pack.IsJSONNumber(v.text) {
		return pack.AppendJSONString(b, v.text)
	}
	return v.AppendText(b)
}

// MarshalJSON returns what AppendJSON appends.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// Float64 returns the number nearest to the value; NaN and the infinities are
// numbers too. ok is false where the text is not a number.
func (v Value) Float64() (f float64, ok bool) {
	switch v.kind {
	case valueInt:
		return float64(int64(v.num)), true
	case valueFloat:
		return math.Float64frombits(v.num), true
	case valueText:
		// Not everything that ParseFloat takes is a number to a server.
		if !pack.IsJSONNumber(v.text) && !isSpecialFloat(v.text) {
			return 0, false
		}
		f, err := strconv.ParseFloat(v.text, 64)
		return f, err == nil || math.IsInf(f, 0)
	}
	return 0, false
}

func isSpecialFloat(s string) bool {
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "nan", "inf", "infinity":
		return true
	}
	return false
}

func (v Value) pack(p *pack.Packer) {
	switch v.kind {
	case valueNull:
		p.Null()
	case valueFalse, valueTrue:
		p.Bool(v.kind == valueTrue)
	case valueInt:
		p.Int(int64(v.num))
	case valueFloat:
		p.Float(math.Float64frombits(v.num))
	default:
		p.Str(v.text)
	}
}

// size is an upper bound of the bytes that the value takes.
func (v Value) size() int { return 9 + len(v.text) }

// readValue reads a value that has been checked. A number or text that another
// writer has put in an unusual form comes out as the Value of its text.
func readValue(c *pack.Cursor) Value {
	switch c.Class() {
	case pack.ClassNil:
		c.Null()
		return Value{}
	case pack.ClassBool:
		return BoolValue(c.Bool())
	case pack.ClassInt:
		return IntValue(c.Int())
	case pack.ClassFloat:
		return FloatValue(c.Float())
	}
	return TextValue(c.Str())
}

// Int64 is an integer that may be absent: the zero Int64 is.
type Int64 struct {
	V  int64
	OK bool // V is there
}

// NewInt64 returns an Int64 that is there.
func NewInt64(v int64) Int64 { return Int64{V: v, OK: true} }

// String is a text that may be absent: the zero String is.
type String struct {
	V  string
	OK bool // V is there
}

// NewString returns a String that is there.
func NewString(v string) String { return String{V: v, OK: true} }

// compare orders absent before present.
func (a Int64) compare(b Int64) int {
	switch {
	case a.OK && !b.OK:
		return 1
	case b.OK && !a.OK:
		return -1
	}
	return cmp.Compare(a.V, b.V)
}

// CompareTimes orders times, absent ones first. Experiments and versions are
// ordered by time, those of equal times by key or name.
func CompareTimes(a, b *int64) int {
	optional := func(p *int64) (i Int64) {
		if p != nil {
			i = NewInt64(*p)
		}
		return i
	}
	return optional(a).compare(optional(b))
}

// GoString keeps test output readable.
func (v Value) GoString() string { return fmt.Sprintf("stream.Value(%s)", v.AppendJSON(nil)) }
