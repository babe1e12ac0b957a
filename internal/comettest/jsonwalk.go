package comettest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// The walkers below go over JSON that json.Valid has found valid, so that they
// need not check it again. They give the values as they are written.

// eachMember calls f with the members of an object. It reports whether doc is
// an object and f never failed.
func eachMember(doc []byte, f func(name string, raw []byte) error) error {
	doc = skipSpace(doc)
	if len(doc) == 0 || doc[0] != '{' {
		return badRequest("%.40s is not an object", doc)
	}
	doc = skipSpace(doc[1:])
	for doc[0] != '}' {
		var name, raw []byte
		name, doc = cutValue(doc)
		doc = skipSpace(skipSpace(doc)[1:]) // the colon
		raw, doc = cutValue(doc)
		if err := f(stringOf(name), raw); err != nil {
			return err
		}
		if doc = skipSpace(doc); doc[0] == ',' {
			doc = skipSpace(doc[1:])
		}
	}
	return nil
}

// eachItem calls f with the items of a list until it fails.
func eachItem(doc []byte, f func(i int, raw []byte) error) error {
	doc = skipSpace(doc)
	if len(doc) == 0 || doc[0] != '[' {
		return badRequest("%.40s is not a list", doc)
	}
	doc = skipSpace(doc[1:])
	for i := 0; doc[0] != ']'; i++ {
		var raw []byte
		raw, doc = cutValue(doc)
		if err := f(i, raw); err != nil {
			return err
		}
		if doc = skipSpace(doc); doc[0] == ',' {
			doc = skipSpace(doc[1:])
		}
	}
	return nil
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\n' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}

// cutValue cuts the value at the start of b off.
func cutValue(b []byte) (value, rest []byte) {
	switch b[0] {
	case '"':
		n := stringEnd(b)
		return b[:n], b[n:]
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch b[i] {
			case '"':
				i += stringEnd(b[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return b[:i+1], b[i+1:]
				}
			}
		}
	}
	for i, c := range b {
		if c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			return b[:i], b[i:]
		}
	}
	return b, nil
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
func integerOf(name string, raw []byte) (v int64, have bool, err error) {
	if string(raw) == "null" {
		return 0, false, nil
	}
	v, err = strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, false, badRequest("%s: %.40s is not an integer", name, raw)
	}
	return v, true, nil
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
