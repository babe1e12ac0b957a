package stream

import (
	"bytes"
	"iter"
	"reflect"
	"slices"
)

// Members returns an iterator over the names and values of an object, in the
// order in which they stand. Documents that are no objects have none. The values
// alias the document.
func (d Doc) Members() iter.Seq2[string, Doc] {
	return func(yield func(string, Doc) bool) {
		if len(d) == 0 || classOf[d[0]] != classMap || d.check() != nil {
			return
		}
		members(cursor{b: d}, yield)
	}
}

// Fields returns an iterator over the keys of the body of the record, those that
// this version does not know included, and their values. The values alias
// r.Data; some of them are bytes, which have no JSON.
func (r Raw) Fields() iter.Seq2[string, Doc] {
	return func(yield func(string, Doc) bool) {
		if v, err := r.checked(); err == nil {
			members(v.body(), yield)
		}
	}
}

// members yields the keys and values of the checked map at c.
func members(c cursor, yield func(string, Doc) bool) {
	for range c.size() {
		name := c.bytes()
		if !yield(string(name), c.skip()) {
			return
		}
	}
}

// Field returns the value of a key in the body of the record, or nil where it has
// none. It aliases r.Data.
func (r Raw) Field(key string) Doc {
	v, err := r.checked()
	if err != nil {
		return nil
	}
	c := v.body()
	for range c.size() {
		found := string(c.bytes()) == key
		if value := c.skip(); found {
			return value
		}
	}
	return nil
}

// With returns the record rec, which is of the kind of r, together with what r
// holds under keys that this version does not know. It is how a record is
// changed without loss. Metrics cannot be changed that way.
func (r Raw) With(rec Record) (Raw, error) {
	old, err := r.checked()
	if err != nil {
		return Raw{}, err
	}
	info := kinds[rec.Kind()]
	if rec.Kind() != r.Kind || info == nil || r.Kind == KindMetrics || reflect.TypeOf(rec) != reflect.TypeOf(info.make()) {
		return Raw{}, fault(ErrGrammar, "a %T cannot take the place of a record of kind %s", rec, printable(r.Kind))
	}
	data := appendStr([]byte{codeFixArray | 2}, r.Kind)
	data = info.schema.appendWith(data, reflect.ValueOf(rec).Elem(), old.body())
	changed := Raw{Kind: r.Kind, Data: data, place: r.place}
	_, err = changed.checked()
	return changed, err
}

// A pair is a key and its value as they stand in a map.
type pair struct{ key, value []byte }

// appendWith is append, with the pairs of the map at old that the schema does
// not know added in the order of their keys.
func (s *schema) appendWith(b []byte, v reflect.Value, old cursor) []byte {
	known := make(map[string][]byte)
	var unknown []pair
	for range old.size() {
		key := old.bytes()
		value := old.skip()
		if s.find(key, 0) >= 0 {
			known[string(key)] = value
		} else {
			unknown = append(unknown, pair{key, value})
		}
	}
	slices.SortFunc(unknown, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
	n := len(unknown)
	for i := range s.fields {
		if !s.fields[i].absent(v) {
			n++
		}
	}
	b = appendMapLen(b, n)
	for i := range s.fields {
		f := &s.fields[i]
		for len(unknown) > 0 && string(unknown[0].key) < f.key {
			b = append(appendStr(b, unknown[0].key), unknown[0].value...)
			unknown = unknown[1:]
		}
		if !f.absent(v) {
			b = f.appendWith(appendStr(b, f.key), v.Field(f.index), known[f.key])
		}
	}
	for _, p := range unknown {
		b = append(appendStr(b, p.key), p.value...)
	}
	return b
}

// appendWith appends the value of a field; maps in it keep the unknown keys of
// the maps in the old value. The elements of lists are told apart by their place.
func (f *field) appendWith(b []byte, v reflect.Value, old []byte) []byte {
	c := cursor{b: old}
	switch {
	case f.typ == typeStruct && old != nil:
		return f.sub.appendWith(b, v, c)
	case f.typ == typeStructs && old != nil && c.size() == v.Len():
		b = appendArrayLen(b, v.Len())
		for i := range v.Len() {
			b = f.sub.appendWith(b, v.Index(i), cursor{b: c.skip()})
		}
		return b
	}
	return f.append(b, v)
}
