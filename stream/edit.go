package stream

import (
	"iter"
	"reflect"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// Members returns an iterator over the names and values of an object, in the
// order in which they occur. Documents that are not objects have none. The values
// alias the document.
func (d Doc) Members() iter.Seq2[string, Doc] {
	return func(yield func(string, Doc) bool) {
		if d.is(pack.ClassMap) {
			members(pack.CursorAt(d, 0), yield)
		}
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
		info.schema.Pack(p, reflect.ValueOf(rec).Elem(), body)
	})
	changed := Raw{Kind: r.Kind, Data: data, place: r.place}
	_, err = changed.checked()
	return changed, err
}
