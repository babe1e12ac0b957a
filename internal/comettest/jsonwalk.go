package comettest

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// A walker goes over a JSON document once, and checks it on the way: a document
// that it has come to the end of without an error is valid. It gives the values
// as they are written.
type walker struct{ rest []byte }

var errNotJSON = badRequest("request body is not JSON")

// object calls f with the name of each member of the object that comes next.
// f takes the value from the walker.
func (w *walker) object(f func(name []byte) error) error {
	if w.next() != '{' {
		return badRequest("%.40s is not an object", w.rest)
	}
	return w.items('}', func(int) error {
		if w.next() != '"' {
			return errNotJSON
		}
		name, err := w.value()
		if err != nil {
			return err
		}
		if w.next() != ':' {
			return errNotJSON
		}
		w.rest = w.rest[1:]
		return f(name)
	})
}

// list calls f for each item of the list that comes next. f takes the item
// from the walker.
func (w *walker) list(f func(i int) error) error {
	if w.next() != '[' {
		return badRequest("%.40s is not a list", w.rest)
	}
	return w.items(']', f)
}

// items calls f for each item between the bracket that comes next and its end.
func (w *walker) items(end byte, f func(i int) error) error {
	w.rest = w.rest[1:]
	if w.next() == end {
		w.rest = w.rest[1:]
		return nil
	}
	for i := 0; ; i++ {
		if err := f(i); err != nil {
			return err
		}
		c := w.next()
		if c != ',' && c != end {
			return errNotJSON
		}
		w.rest = w.rest[1:]
		if c == end {
			return nil
		}
	}
}

// next skips space and returns the byte that comes, 0 at the end.
func (w *walker) next() byte {
	for i, c := range w.rest {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			w.rest = w.rest[i:]
			return c
		}
	}
	w.rest = nil
	return 0
}

// end reports an error if anything but space follows.
func (w *walker) end() error {
	if w.next(); len(w.rest) > 0 {
		return errNotJSON
	}
	return nil
}

// value takes the next value, whatever it is.
func (w *walker) value() ([]byte, error) {
	var n int
	switch w.next() {
	case '"':
		n = stringEnd(w.rest)
	case '{', '[':
		n = nestedEnd(w.rest)
	case 'n':
		n = prefix(w.rest, "null")
	case 't':
		n = prefix(w.rest, "true")
	case 'f':
		n = prefix(w.rest, "false")
	default:
		n = numberEnd(w.rest)
	}
	if n == 0 {
		return nil, errNotJSON
	}
	v := w.rest[:n]
	w.rest = w.rest[n:]
	return v, nil
}

// prefix is the length of text if b begins with it, else 0.
func prefix(b []byte, text string) int {
	if len(b) < len(text) || string(b[:len(text)]) != text {
		return 0
	}
	return len(text)
}

// nestedEnd is the length of the object or list at the start of b, 0 if it is
// not valid.
func nestedEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringEnd(b[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				if !json.Valid(b[:i+1]) {
					return 0
				}
				return i + 1
			}
		}
	}
	return 0
}

// stringEnd is the length of the string at the start of b, quotes included, 0
// if it is not valid.
func stringEnd(b []byte) int {
	plain := true
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			if !plain && !json.Valid(b[:i+1]) {
				return 0
			}
			return i + 1
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			return 0
		}
	}
	return 0
}

// numberEnd is the length of the number at the start of b, 0 if there is none.
func numberEnd(b []byte) int {
	i := prefix(b, "-")
	n := digits(b[i:])
	if n == 0 || n > 1 && b[i] == '0' {
		return 0
	}
	i += n
	if i < len(b) && b[i] == '.' {
		n = digits(b[i+1:])
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n = digits(b[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	return i
}

// digits is how many digits b begins with.
func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// stringOf is the text of a JSON string.
func stringOf(raw []byte) string { return stringLike(raw, "") }

// stringLike is stringOf for a text that is likely to be the same as another,
// of which it needs no copy then.
func stringLike(raw []byte, other string) string {
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' || c >= 0x80 {
			var s string
			json.Unmarshal(raw, &s) // it is a valid string
			return s
		}
	}
	if string(inner) == other {
		return other
	}
	return string(inner)
}

// integerOf reads an integer, or null.
func integerOf(name, raw []byte) (v int64, have bool, err error) {
	if string(raw) == "null" {
		return 0, false, nil
	}
	v, err = strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, false, badRequest("%s %.40s is not an integer", name, raw)
	}
	return v, true, nil
}

// ordinalOf reads a step or an epoch, or null.
func ordinalOf(name, raw []byte) (v int64, have bool, err error) {
	if string(raw) == "null" {
		return 0, false, nil
	}
	v, ok := parseOrdinal(string(raw))
	if !ok {
		return 0, false, badRequest("%s %.40s is not an integer", name, raw)
	}
	return v, true, nil
}

// ordinal is a step or an epoch in a request.
type ordinal int64

func (o *ordinal) UnmarshalJSON(raw []byte) error {
	v, _, err := ordinalOf([]byte("step or epoch"), raw)
	*o = ordinal(v)
	return err
}

// parseOrdinal reads a step or an epoch. Scripts log steps like 2.0 and 2.5,
// and clients pass them on as they are: what follows the point is dropped, so
// that the other points of the batch are not lost with it.
func parseOrdinal(text string) (int64, bool) {
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return v, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(-1<<63 <= f && f < 1<<63) {
		return 0, false
	}
	return int64(f), true
}

// exactNames leaves out the members of the object doc that encoding/json would
// take for a field of v although their names are written in another case.
func exactNames(doc []byte, v any) []byte {
	known := fieldNames(reflect.TypeOf(v))
	if known == nil {
		return doc
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(doc, &members) != nil {
		return doc
	}
	wrong := false
	for name := range members {
		if !known[name] && known["\x00"+strings.ToLower(name)] {
			delete(members, name)
			wrong = true
		}
	}
	if !wrong {
		return doc
	}
	doc, err := json.Marshal(members)
	if err != nil {
		panic("comettest: what was read cannot be written: " + err.Error())
	}
	return doc
}

var knownFields sync.Map // of reflect.Type to map[string]bool

// fieldNames are the JSON names of the fields of the struct t points to, and,
// with a zero byte before them, the same in lower case.
func fieldNames(t reflect.Type) map[string]bool {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil
	}
	if known, ok := knownFields.Load(t); ok {
		return known.(map[string]bool)
	}
	known := make(map[string]bool)
	for _, f := range reflect.VisibleFields(t.Elem()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			known[name] = true
			known["\x00"+strings.ToLower(name)] = true
		}
	}
	knownFields.Store(t, known)
	return known
}
