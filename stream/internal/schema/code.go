package schema

import (
	"reflect"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// Pack packs the struct v. If old is not nil, it is at a checked map, and what that has
// under keys that the schema does not know is packed too, in the order of all keys. The
// maps in v are likewise packed over those in old; those in lists are matched by their
// place, where the lists are of the same length.
func (s *Schema) Pack(p *pack.Packer, v reflect.Value, old *pack.Cursor) {
	known, unknown := s.split(old)
	n := len(unknown)
	for i := range s.fields {
		if !s.absent(&s.fields[i], v) {
			n++
		}
	}
	p.MapLen(n)
	for i := range s.fields {
		f := &s.fields[i]
		for ; len(unknown) > 0 && unknown[0].key < f.key; unknown = unknown[1:] {
			unknown[0].pack(p)
		}
		if !s.absent(f, v) {
			p.Str(f.key)
			f.pack(p, v.Field(f.index), known[f.key])
		}
	}
	for _, kv := range unknown {
		kv.pack(p)
	}
}

// split reads the map at c: what is under the keys of the schema, and what is under
// others, in the order of these.
func (s *Schema) split(c *pack.Cursor) (known map[string][]byte, unknown []pair) {
	if c == nil {
		return nil, nil
	}
	known = make(map[string][]byte)
	for range c.MapLen() {
		key, value := c.Bytes(), c.Skip()
		if s.find(key, 0) >= 0 {
			known[string(key)] = value
		} else {
			unknown = append(unknown, pair{string(key), value})
		}
	}
	slices.SortFunc(unknown, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	return known, unknown
}

// A pair is a key and its value in msgpack.
type pair struct {
	key   string
	value []byte
}

func (kv *pair) pack(p *pack.Packer) {
	p.Str(kv.key)
	p.Raw(kv.value)
}

// absent reports whether a field of the struct v is left out.
func (s *Schema) absent(f *field, v reflect.Value) bool {
	if f.withDoc {
		return v.Field(s.doc).IsNil()
	}
	return f.optional && v.Field(f.index).IsZero()
}

// pack packs the value of a field over an old one, which may be nil.
func (f *field) pack(p *pack.Packer, v reflect.Value, old []byte) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			p.Null()
			return
		}
		v = v.Elem()
	}
	if f.null && v.Kind() == reflect.Slice && v.IsNil() {
		p.Null()
		return
	}
	switch f.typ {
	case typeStr:
		p.Str(v.String())
	case typeBool:
		p.Bool(v.Bool())
	case typeInt:
		p.Int(v.Int())
	case typeBin:
		p.Bin(v.Bytes())
	case typeDoc:
		p.RawOrNull(v.Bytes())
	case typeCounts:
		packCounts(p, v)
	case typeStruct, typeStructs:
		f.packStructs(p, v, old)
	default:
		f.packList(p, v)
	}
}

// packStructs packs a struct or a list of them.
func (f *field) packStructs(p *pack.Packer, v reflect.Value, old []byte) {
	var c *pack.Cursor
	if old != nil {
		c = pack.CursorAt(old, 0)
		defer c.Free()
	}
	if f.typ == typeStruct {
		f.sub.Pack(p, v, c)
		return
	}
	if c != nil && c.ArrayLen() != v.Len() {
		c = nil
	}
	p.ArrayLen(v.Len())
	for i := range v.Len() {
		f.sub.Pack(p, v.Index(i), c)
	}
}

func (f *field) packList(p *pack.Packer, v reflect.Value) {
	p.ArrayLen(v.Len())
	for i := range v.Len() {
		switch e := v.Index(i); f.typ {
		case typePair:
			p.Int(e.Int())
		case typeStrs:
			p.Str(e.String())
		case typeDocs:
			p.RawOrNull(e.Bytes())
		}
	}
}

func packCounts(p *pack.Packer, counts reflect.Value) {
	keys := counts.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	p.MapLen(len(keys))
	for _, key := range keys {
		p.Str(key.String())
		p.Int(counts.MapIndex(key).Int())
	}
}

// Decode reads the checked map at c into the struct v. Bytes and documents alias the
// map, everything else is its own.
func (s *Schema) Decode(c *pack.Cursor, v reflect.Value) {
	next := 0
	for range c.MapLen() {
		i := s.find(c.Bytes(), next)
		if i < 0 {
			c.Skip()
			continue
		}
		next = i + 1
		s.fields[i].decode(c, v.Field(s.fields[i].index))
	}
}

func (f *field) decode(c *pack.Cursor, v reflect.Value) {
	if f.null && c.Null() {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch f.typ {
	case typeStr:
		v.SetString(c.Str())
	case typeBool:
		v.SetBool(c.Bool())
	case typeInt:
		v.SetInt(c.Int())
	case typeBin:
		v.SetBytes(c.Bytes())
	case typeDoc:
		v.SetBytes(c.Skip())
	case typeCounts:
		v.Set(reflect.MakeMap(v.Type()))
		for range c.MapLen() {
			key := reflect.ValueOf(c.Str()).Convert(v.Type().Key())
			v.SetMapIndex(key, reflect.ValueOf(c.Int()))
		}
	case typeStruct:
		f.sub.Decode(c, v)
	default:
		f.decodeList(c, v)
	}
}

func (f *field) decodeList(c *pack.Cursor, v reflect.Value) {
	n := c.ArrayLen()
	if f.typ != typePair {
		v.Set(reflect.MakeSlice(v.Type(), n, n))
	}
	for i := range n {
		switch e := v.Index(i); f.typ {
		case typePair:
			e.SetInt(c.Int())
		case typeStrs:
			e.SetString(c.Str())
		case typeDocs:
			e.SetBytes(c.Skip())
		case typeStructs:
			f.sub.Decode(c, e)
		}
	}
}
