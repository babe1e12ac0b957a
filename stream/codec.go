package stream

import (
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

// DecodeAs is [Raw.Decode] for a record of the kind that T is the type of.
func DecodeAs[T Record](r Raw) (rec T, err error) {
	decoded, err := r.Decode()
	if err == nil {
		rec = decoded.(T)
	}
	return rec, err
}

// More reports whether the next record continues the text in this one.
func (r Raw) More() bool {
	more, _ := r.Field("more").JSON()
	return string(more) == "true"
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
			info.schema.Pack(p, reflect.ValueOf(rec).Elem(), nil)
		}
	}), nil
}

// packHead packs what precedes the body of a record.
func packHead(p *pack.Packer, kind Kind) {
	p.ArrayLen(2)
	p.Str(string(kind))
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
		m.decode(c, v.Rows)
	} else {
		info.schema.Decode(c, reflect.ValueOf(rec).Elem())
	}
	return rec
}
