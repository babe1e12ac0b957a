package comet

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

// State tells null and absent from a value.
type State uint8

// States of a field.
const (
	Absent State = iota
	Null
	Present
)

// Int is an integer field that may be null or absent.
type Int struct {
	N     int64
	State State
}

// IntOf returns the present integer n.
func IntOf(n int64) Int { return Int{N: n, State: Present} }

// Ptr returns a pointer to the number, or nil when there is none.
func (i Int) Ptr() *int64 {
	if i.State != Present {
		return nil
	}
	n := i.N
	return &n
}

var errSyntax = errors.New("malformed JSON")

// members calls fn for each member of a JSON object. The name is unescaped,
// the value is raw. data must be valid JSON; anything but an object has no
// members.
func members(data []byte, fn func(name string, value []byte)) {
	i := skipSpace(data, 0)
	if i >= len(data) || data[i] != '{' {
		return
	}
	i = skipSpace(data, i+1)
	for i < len(data) && data[i] == '"' {
		end := valueEnd(data, i)
		if end < 0 {
			return
		}
		name := unquote(data[i:end])
		i = skipSpace(data, end)
		if i >= len(data) || data[i] != ':' {
			return
		}
		i = skipSpace(data, i+1)
		if end = valueEnd(data, i); end < 0 {
			return
		}
		fn(name, data[i:end:end])
		if i = skipSpace(data, end); i >= len(data) || data[i] != ',' {
			return
		}
		i = skipSpace(data, i+1)
	}
}

// member returns the raw value of one member of an object, nil when absent.
func member(data []byte, name string) (value []byte) {
	members(data, func(n string, v []byte) {
		if n == name {
			value = v
		}
	})
	return value
}

// elements calls fn for each element of a JSON array, under the terms of
// members.
func elements(data []byte, fn func(value []byte)) {
	i := skipSpace(data, 0)
	if i >= len(data) || data[i] != '[' {
		return
	}
	i = skipSpace(data, i+1)
	for i < len(data) && data[i] != ']' {
		end := valueEnd(data, i)
		if end < 0 {
			return
		}
		fn(data[i:end:end])
		if i = skipSpace(data, end); i >= len(data) || data[i] != ',' {
			return
		}
		i = skipSpace(data, i+1)
	}
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns the index after the value that begins at i, -1 when data
// ends before it does.
func valueEnd(data []byte, i int) int {
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

// unquote returns the text of a raw JSON string.
func unquote(raw []byte) string {
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

func isNull(v []byte) bool { return v == nil || string(v) == "null" }

// textOf reads a text leniently: numbers and booleans give their literal,
// objects and arrays their JSON.
func textOf(v []byte) *string {
	if isNull(v) {
		return nil
	}
	s := string(v)
	if v[0] == '"' {
		s = unquote(v)
	}
	return &s
}

func textOrEmpty(v []byte) string {
	if s := textOf(v); s != nil {
		return *s
	}
	return ""
}

// intOf reads an integer leniently: also from a text, and from 1.0 and 1e3.
func intOf(v []byte) *int64 {
	n, ok := parseInt(trimQuotes(v))
	if !ok {
		return nil
	}
	return &n
}

func intOrZero(v []byte) int64 {
	n, _ := parseInt(trimQuotes(v))
	return n
}

func trimQuotes(v []byte) []byte {
	if len(v) >= 2 && v[0] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}

// parseInt reads an integer that may be written with an empty fraction or an
// exponent.
func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 32 {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil && b[0] != '+' {
		return n, true
	}
	if !isNumber(b) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(b), 64)
	// From 2^53 on the float no longer says which integer was meant.
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// boolOf reads a boolean leniently: true, "True", 1.
func boolOf(v []byte) *bool {
	var b bool
	switch string(bytes.ToLower(trimQuotes(v))) {
	case "true", "1":
		b = true
	case "false", "0":
	default:
		return nil
	}
	return &b
}

func isTrue(v []byte) bool {
	b := boolOf(v)
	return b != nil && *b
}

// textsOf reads a list of texts; anything else gives nil.
func textsOf(v []byte) []string {
	var list []string
	elements(v, func(e []byte) {
		if s := textOf(e); s != nil {
			list = append(list, *s)
		}
	})
	return list
}

// isNumber reports whether b is a JSON number.
func isNumber(b []byte) bool {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	i = skipDigits(b, i)
	if i == start || (b[start] == '0' && i > start+1) {
		return false
	}
	if i < len(b) && b[i] == '.' {
		from := i + 1
		if i = skipDigits(b, from); i == from {
			return false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from := i
		if i = skipDigits(b, from); i == from {
			return false
		}
	}
	return i == len(b) && i > 0
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}
