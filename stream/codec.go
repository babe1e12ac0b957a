package stream

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
)

// A Raw is one record as it stands in a stream. A Raw that a Reader or a Block
// has returned has been checked; one made elsewhere is checked where it is used.
type Raw struct {
	Kind Kind
	Data []byte // the array of kind and body, in msgpack

	view  *view // set where Data has been checked
	place place // where the record stood in the stream that it was read from
}

// A place says whether a record stands in a group.
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
	b = appendStr(append(b, codeFixArray|2), kind)
	if m, ok := rec.(*Metrics); ok {
		return m.appendBody(b)
	}
	return info.schema.append(b, reflect.ValueOf(rec).Elem()), nil
}

func (s *schema) append(b []byte, v reflect.Value) []byte {
	left := 0
	for i := range s.fields {
		if s.fields[i].absent(v) {
			left++
		}
	}
	b = appendMapLen(b, len(s.fields)-left)
	for i := range s.fields {
		if f := &s.fields[i]; !f.absent(v) {
			b = appendStr(b, f.key)
			b = f.append(b, v.Field(f.index))
		}
	}
	return b
}

// absent reports whether the field of the struct v is left out.
func (f *field) absent(v reflect.Value) bool {
	if f.withDoc {
		return v.FieldByName("Doc").IsNil()
	}
	return f.optional && v.Field(f.index).IsZero()
}

func (f *field) append(b []byte, v reflect.Value) []byte {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return appendNil(b)
		}
		v = v.Elem()
	}
	if f.null && v.Kind() == reflect.Slice && v.IsNil() {
		return appendNil(b)
	}
	switch f.typ {
	case typeStr:
		return appendStr(b, v.String())
	case typeBool:
		return appendBool(b, v.Bool())
	case typeInt:
		return appendInt(b, v.Int())
	case typeBin:
		return appendBin(b, v.Bytes())
	case typeDoc:
		return appendDoc(b, v.Bytes())
	case typeCounts:
		return appendCounts(b, v.Interface().(Counts))
	case typeStruct:
		return f.sub.append(b, v)
	}
	b = appendArrayLen(b, v.Len())
	for i := range v.Len() {
		switch e := v.Index(i); f.typ {
		case typePair:
			b = appendInt(b, e.Int())
		case typeStrs:
			b = appendStr(b, e.String())
		case typeDocs:
			b = appendDoc(b, e.Bytes())
		case typeStructs:
			b = f.sub.append(b, e)
		}
	}
	return b
}

// appendDoc appends a document. A required one that is nil is a JSON null.
func appendDoc(b []byte, d Doc) []byte {
	if d == nil {
		return appendNil(b)
	}
	return append(b, d...)
}

func appendCounts(b []byte, c Counts) []byte {
	b = appendMapLen(b, len(c))
	for _, k := range slices.SortedFunc(maps.Keys(c), cmp.Compare[Kind]) {
		b = appendInt(appendStr(b, k), c[k])
	}
	return b
}

// decode returns the record of a view.
func (v *view) decode() Record {
	info := kinds[v.kind]
	if info == nil {
		return &Unknown{Of: v.kind, Data: v.data}
	}
	c := v.body()
	rec := info.make()
	if m, ok := rec.(*Metrics); ok {
		var columns metricColumns
		info.schema.decode(&c, reflect.ValueOf(&columns).Elem())
		columns.points(m)
		return m
	}
	info.schema.decode(&c, reflect.ValueOf(rec).Elem())
	return rec
}

func (s *schema) decode(c *cursor, v reflect.Value) {
	next := 0
	for range c.size() {
		f := s.find(c.bytes(), next)
		if f < 0 {
			c.skip()
			continue
		}
		next = f + 1
		s.fields[f].decode(c, v.Field(s.fields[f].index))
	}
}

func (f *field) decode(c *cursor, v reflect.Value) {
	if f.null && c.null() {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch f.typ {
	case typeStr:
		v.SetString(c.str())
	case typeBool:
		v.SetBool(c.bool())
	case typeInt:
		v.SetInt(c.int())
	case typeBin:
		v.SetBytes(c.bytes())
	case typeDoc, typeContext, typeInts, typeExtra, typeValues:
		v.SetBytes(c.skip())
	case typeCounts:
		counts := Counts{}
		for range c.size() {
			k := c.str()
			counts[Kind(k)] = c.int()
		}
		v.Set(reflect.ValueOf(counts))
	case typeStruct:
		f.sub.decode(c, v)
	default:
		f.decodeList(c, v)
	}
}

func (f *field) decodeList(c *cursor, v reflect.Value) {
	n := c.size()
	if f.typ != typePair {
		v.Set(reflect.MakeSlice(v.Type(), n, n))
	}
	for i := range n {
		switch e := v.Index(i); f.typ {
		case typePair:
			e.SetInt(c.int())
		case typeStrs:
			e.SetString(c.str())
		case typeDocs:
			e.SetBytes(c.skip())
		case typeStructs:
			f.sub.decode(c, e)
		}
	}
}
