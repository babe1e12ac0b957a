package stream

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// A Raw is one record as it is in a stream. A Raw that a Reader or a Block has
// returned has been checked; one made elsewhere is checked where it is used.
type Raw struct {
	Kind Kind
	Data []byte // the array of kind and body, in msgpack

	view  *view // set where Data has been checked
	place place // where the record stood in the stream that it was read from
}

// Clone returns a copy of the record that does not alias its Data. What has been
// checked need not be checked again.
func (r Raw) Clone() Raw {
	c := r
	c.Data = slices.Clone(r.Data)
	if r.view != nil {
		v := *r.view
		v.data = c.Data
		c.view = &v
	}
	return c
}

// A place says whether a record is in a group.
type place uint8

const (
	placeUnknown place = iota
	placeOutside
	placeInside
)

// Counts is a number of records by kind.
type Counts map[Kind]int64

// checked returns the view of the record.
func (r *Raw) checked() (*view, error) {
	if r.view != nil {
		return r.view, nil
	}
	v, err := checkRecord(r.Data)
	if err != nil {
		return nil, locate(err, -1, v.kind, -1)
	}
	if len(v.data) != len(r.Data) {
		return nil, fault(ErrCorrupt, "bytes after the record")
	}
	r.view, r.Kind = &v, v.kind
	return r.view, nil
}

// Decode returns the record. Slices of bytes in it, documents included, alias
// r.Data; everything else is its own. A record of a kind that this version does
// not know comes back as [*Unknown].
func (r Raw) Decode() (Record, error) {
	v, err := r.checked()
	if err != nil {
		return nil, err
	}
	return v.decode(), nil
}

// Encode returns the msgpack of a record. The same record gives the same bytes.
// An error says that the record breaks the format: a limit, or text that is not
// UTF-8.
func Encode(rec Record) (Raw, error) {
	data, err := appendRecord(nil, rec)
	if err != nil {
		return Raw{}, err
	}
	r := Raw{Kind: rec.Kind(), Data: data}
	_, err = r.checked()
	return r, err
}

// appendRecord appends the msgpack of a record, unchecked.
func appendRecord(b []byte, rec Record) ([]byte, error) {
	kind := rec.Kind()
	if u, ok := rec.(*Unknown); ok {
		return append(b, u.Data...), nil
	}
	info := kinds[kind]
	if info == nil || reflect.TypeOf(rec) != reflect.TypeOf(info.make()) {
		return b, fault(ErrGrammar, "a %T cannot be a record of kind %q", rec, kind)
	}
	m, isMetrics := rec.(*Metrics)
	if isMetrics && (len(m.Points) < 1 || len(m.Points) > MaxPoints) {
		return b, fault(ErrLimit, "metrics record of %d points", len(m.Points))
	}
	return pack.Append(b, func(p *pack.Packer) {
		packHead(p, kind)
		if isMetrics {
			m.packBody(p)
		} else {
			info.schema.pack(p, reflect.ValueOf(rec).Elem())
		}
	}), nil
}

// packHead packs what precedes the body of a record.
func packHead(p *pack.Packer, kind Kind) {
	p.ArrayLen(2)
	p.Str(string(kind))
}

func (s *schema) pack(p *pack.Packer, v reflect.Value) {
	left := 0
	for i := range s.fields {
		if s.fields[i].absent(v) {
			left++
		}
	}
	p.MapLen(len(s.fields) - left)
	for i := range s.fields {
		if f := &s.fields[i]; !f.absent(v) {
			p.Str(f.key)
			f.pack(p, v.Field(f.index))
		}
	}
}

// absent reports whether the field of the struct v is left out.
func (f *field) absent(v reflect.Value) bool {
	if f.withDoc {
		return v.FieldByName("Doc").IsNil()
	}
	return f.optional && v.Field(f.index).IsZero()
}

func (f *field) pack(p *pack.Packer, v reflect.Value) {
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
		packDoc(p, v.Bytes())
	case typeCounts:
		packCounts(p, v.Interface().(Counts))
	case typeStruct:
		f.sub.pack(p, v)
	default:
		f.packList(p, v)
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
			packDoc(p, e.Bytes())
		case typeStructs:
			f.sub.pack(p, e)
		}
	}
}

// packDoc packs a document. A required one that is nil is a JSON null.
func packDoc(p *pack.Packer, d Doc) {
	if d == nil {
		p.Null()
		return
	}
	p.Raw(d)
}

func packCounts(p *pack.Packer, c Counts) {
	p.MapLen(len(c))
	for _, k := range slices.SortedFunc(maps.Keys(c), cmp.Compare[Kind]) {
		p.Str(string(k))
		p.Int(c[k])
	}
}

// decode returns the record of a view.
func (v *view) decode() Record {
	info := kinds[v.kind]
	if info == nil {
		return &Unknown{Of: v.kind, Data: v.data}
	}
	c := v.body()
	defer c.Free()
	rec := info.make()
	if m, ok := rec.(*Metrics); ok {
		m.decode(c, v.rows)
	} else {
		info.schema.decode(c, reflect.ValueOf(rec).Elem())
	}
	return rec
}

func (s *schema) decode(c *pack.Cursor, v reflect.Value) {
	next := 0
	for range c.MapLen() {
		f := s.find(c.Bytes(), next)
		if f < 0 {
			c.Skip()
			continue
		}
		next = f + 1
		s.fields[f].decode(c, v.Field(s.fields[f].index))
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
		counts := Counts{}
		for range c.MapLen() {
			k := c.Str()
			counts[Kind(k)] = c.Int()
		}
		v.Set(reflect.ValueOf(counts))
	case typeStruct:
		f.sub.decode(c, v)
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
			f.sub.decode(c, e)
		}
	}
}
