package comettest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// A walker goes over JSON that json.Valid has found valid, once and without
// checking it again. It gives the values as they are written.
type walker struct{ rest []byte }

// object calls f with the name of each member of the object that comes next.
// f takes the value from the walker.
func (w *walker) object(f func(name []byte) error) error {
	if w.next() != '{' {
		return badRequest("%.40s is not an object", w.rest)
	}
	w.rest = w.rest[1:]
	for w.next() != '}' {
		name := w.value()
		w.next()
		w.rest = w.rest[1:] // the colon
		if err := f(name); err != nil {
			return err
		}
		if w.next() == ',' {
			w.rest = w.rest[1:]
		}
	}
	w.rest = w.rest[1:]
	return nil
}

// list calls f for each item of the list that comes next. f takes the item
// from the walker.
func (w *walker) list(f func(i int) error) error {
	if w.next() != '[' {
		return badRequest("%.40s is not a list", w.rest)
	}
	w.rest = w.rest[1:]
	for i := 0; w.next() != ']'; i++ {
		if err := f(i); err != nil {
			return err
		}
		if w.next() == ',' {
			w.rest = w.rest[1:]
		}
	}
	w.rest = w.rest[1:]
	return nil
}

// next skips space and returns the byte that comes, 0 at the end.
func (w *walker) next() byte {
	for i, c := range w.rest {
		if c > ' ' {
			w.rest = w.rest[i:]
			return c
		}
	}
	w.rest = nil
	return 0
}

// value takes the next value, whatever it is.
func (w *walker) value() []byte {
	n := 0
	switch w.next() {
	case '"':
		n = stringEnd(w.rest)
	case '{', '[':
		n = nestedEnd(w.rest)
	default:
		n = bytes.IndexAny(w.rest, ",}] \t\r\n")
		if n < 0 {
			n = len(w.rest)
		}
	}
	v := w.rest[:n]
	w.rest = w.rest[n:]
	return v
}

// nestedEnd is the length of the object or list at the start of b.
func nestedEnd(b []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// stringEnd is the length of the string at the start of b, quotes included.
func stringEnd(b []byte) int {
	for i := 1; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		i += n
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
}

// stringOf is the text of a JSON string.
func stringOf(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' || c >= 0x80 {
			var s string
			json.Unmarshal(raw, &s) // it is a valid string
			return s
		}
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
