package stream

import (
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// Members returns an iterator over the names and values of an object, in the
// order in which they occur. Documents that are not objects have none. The values
// alias the document.
func (d Doc) Members() iter.Seq2[string, Doc] {
	return func(yield func(string, Doc) bool) {
		if len(d) == 0 || pack.ClassOf[d[0]] != pack.ClassMap || d.check() != nil {
			return
		}
		members(pack.CursorAt(d, 0), yield)
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

// members yields the keys and values of the checked map at c, and frees c.
func members(c *pack.Cursor, yield func(string, Doc) bool) {
	defer c.Free()
	for range c.MapLen() {
		name := c.Bytes()
		if !yield(string(name), c.Skip()) {
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
	defer c.Free()
	return memberOf(c, key)
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
	body := old.body()
	defer body.Free()
	data := pack.Append(nil, func(p *pack.Packer) {
		packHead(p, r.Kind)
		info.schema.packWith(p, reflect.ValueOf(rec).Elem(), body)
	})
	changed := Raw{Kind: r.Kind, Data: data, place: r.place}
	_, err = changed.checked()
	return changed, err
}

// A pair is a key and its value as it is in a map.
type pair struct {
	key   string
	value []byte
}

// packWith is pack, with the pairs of the map at old that the schema does not
// know added in the order of their keys.
func (s *schema) packWith(p *pack.Packer, v reflect.Value, old *pack.Cursor) {
	known := make(map[string][]byte)
	var unknown []pair
	for range old.MapLen() {
		key := old.Bytes()
		value := old.Skip()
		if s.find(key, 0) >= 0 {
			known[string(key)] = value
		} else {
			unknown = append(unknown, pair{string(key), value})
		}
	}
	slices.SortFunc(unknown, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	n := len(unknown)
	for i := range s.fields {
		if !s.fields[i].absent(v) {
			n++
		}
	}
	p.MapLen(n)
	for i := range s.fields {
		f := &s.fields[i]
		for len(unknown) > 0 && unknown[0].key < f.key {
			unknown[0].pack(p)
			unknown = unknown[1:]
		}
		if !f.absent(v) {
			p.Str(f.key)
			f.packWith(p, v.Field(f.index), known[f.key])
		}
	}
	for _, u := range unknown {
		u.pack(p)
	}
}

func (kv *pair) pack(p *pack.Packer) {
	p.Str(kv.key)
	p.Raw(kv.value)
}

// packWith packs the value of a field; maps in it keep the unknown keys of the
// maps in the old value. The elements of lists are told apart by their place.
func (f *field) packWith(p *pack.Packer, v reflect.Value, old []byte) {
	if old == nil || f.sub == nil {
		f.pack(p, v)
		return
	}
	c := pack.CursorAt(old, 0)
	defer c.Free()
	switch {
	case f.typ == typeStruct:
		f.sub.packWith(p, v, c)
	case c.ArrayLen() == v.Len():
		p.ArrayLen(v.Len())
		for i := range v.Len() {
			f.sub.packWith(p, v.Index(i), c)
		}
	default:
		f.pack(p, v)
	}
}
