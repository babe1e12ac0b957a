// Package wire reads and writes the JSON of servers: member by member, without
// taking the document apart, and to the letter.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

// ErrSyntax says that a text is not JSON.
var ErrSyntax = errors.New("malformed JSON")

// Members calls fn for each member of a JSON object. The name is unescaped,
// the value is raw. data must be valid JSON; anything but an object has no
// members.
func Members(data []byte, fn func(name string, value []byte)) {
	i := SkipSpace(data, 0)
	if i >= len(data) || data[i] != '{' {
		return
	}
	i = SkipSpace(data, i+1)
	for i < len(data) && data[i] == '"' {
		end := ValueEnd(data, i)
		if end < 0 {
			return
		}
		name := Unquote(data[i:end])
		i = SkipSpace(data, end)
		if i >= len(data) || data[i] != ':' {
			return
		}
		i = SkipSpace(data, i+1)
		if end = ValueEnd(data, i); end < 0 {
			return
		}
		fn(name, data[i:end:end])
		if i = SkipSpace(data, end); i >= len(data) || data[i] != ',' {
			return
		}
		i = SkipSpace(data, i+1)
	}
}

// Member returns the raw value of one member of an object, nil when absent.
func Member(data []byte, name string) (value []byte) {
	Members(data, func(n string, v []byte) {
		if n == name {
			value = v
		}
	})
	return value
}

// Elements calls fn for each element of a JSON array, under the terms of
// [Members].
func Elements(data []byte, fn func(value []byte)) {
	i := SkipSpace(data, 0)
	if i >= len(data) || data[i] != '[' {
		return
	}
	i = SkipSpace(data, i+1)
	for i < len(data) && data[i] != ']' {
		end := ValueEnd(data, i)
		if end < 0 {
			return
		}
		fn(data[i:end:end])
		if i = SkipSpace(data, end); i >= len(data) || data[i] != ',' {
			return
		}
		i = SkipSpace(data, i+1)
	}
}

// SkipSpace returns the index of the first byte from i on that is no white space.
func SkipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// ValueEnd returns the index after the value that begins at i, -1 when data
// ends before it does.
func ValueEnd(data []byte, i int) int {
	if i >= len(data) {
		return -1
	}
	switch data[i] {
	case '"':
		return stringEnd(data, i)
	case '{', '[':
		depth := 0
		for i < len(data) {
			switch data[i] {
			case '"':
				if i = stringEnd(data, i); i < 0 {
					return -1
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return -1
	}
	for i < len(data) {
		switch data[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

// stringEnd returns the index after the closing quote of the string that
// begins at i, -1 when there is none.
func stringEnd(data []byte, i int) int {
	i++
	for {
		q := bytes.IndexByte(data[i:], '"')
		if q < 0 {
			return -1
		}
		i += q
		back := 0
		for data[i-1-back] == '\\' {
			back++
		}
		// The scan back stops at the opening quote at the latest.
		i++
		if back%2 == 0 {
			return i
		}
	}
}

// Unquote returns the text of a raw JSON string.
func Unquote(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(inner)
	}
	return s
}

// IsNull reports whether a raw value is null or absent.
func IsNull(v []byte) bool { return v == nil || string(v) == "null" }

// TextOf reads a text leniently: numbers and booleans give their literal,
// objects and arrays their JSON.
func TextOf(v []byte) *string {
	if IsNull(v) {
		return nil
	}
	s := string(v)
	if v[0] == '"' {
		s = Unquote(v)
	}
	return &s
}

// TextOrEmpty is [TextOf] with "" for none.
func TextOrEmpty(v []byte) string {
	if s := TextOf(v); s != nil {
		return *s
	}
	return ""
}

// IntOf reads an integer leniently: also from a text, and from 1.0 and 1e3.
func IntOf(v []byte) *int64 {
	n, ok := ParseInt(TrimQuotes(v))
	if !ok {
		return nil
	}
	return &n
}

// IntOrZero is [IntOf] with 0 for none.
func IntOrZero(v []byte) int64 {
	n, _ := ParseInt(TrimQuotes(v))
	return n
}

// TrimQuotes returns a raw value without the quotes of a text.
func TrimQuotes(v []byte) []byte {
	if len(v) >= 2 && v[0] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}

// ParseInt reads an integer that may be written with an empty fraction or an
// exponent.
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 32 {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil && b[0] != '+' {
		return n, true
	}
	if !IsNumber(b) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(b), 64)
	// From 2^53 on the float no longer says which integer was meant.
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// BoolOf reads a boolean leniently: true, "True", 1.
func BoolOf(v []byte) *bool {
	var b bool
	switch string(bytes.ToLower(TrimQuotes(v))) {
	case "true", "1":
		b = true
	case "false", "0":
	default:
		return nil
	}
	return &b
}

// IsTrue is [BoolOf] with false for none.
func IsTrue(v []byte) bool {
	b := BoolOf(v)
	return b != nil && *b
}

// TextsOf reads a list of texts; anything else gives nil.
func TextsOf(v []byte) []string {
	var list []string
	Elements(v, func(e []byte) {
		if s := TextOf(e); s != nil {
			list = append(list, *s)
		}
	})
	return list
}

// IsNumber reports whether b is a JSON number.
func IsNumber(b []byte) bool { return len(b) > 0 && NumberLen(b) == len(b) }

// NumberLen returns the length of the JSON number that b begins with, 0 where it
// begins with none.
func NumberLen(b []byte) int {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	i = skipDigits(b, i)
	if i == start || (b[start] == '0' && i > start+1) {
		return 0
	}
	if i < len(b) && b[i] == '.' {
		from := i + 1
		if i = skipDigits(b, from); i == from {
			return 0
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from := i
		if i = skipDigits(b, from); i == from {
			return 0
		}
	}
	return i
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}
