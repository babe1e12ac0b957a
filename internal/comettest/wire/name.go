package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// ExactNames leaves out the members of the object doc that encoding/json would
// take for a field of v although their names are written in another case.
func ExactNames(doc []byte, v any) []byte {
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
