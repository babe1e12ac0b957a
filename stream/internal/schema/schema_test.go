package schema_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
	"github.com/comet-stream/comet-stream/stream/internal/schema"
)

type doc []byte

type inner struct {
	A int64 `msgpack:"a"`
}

type outer struct {
	Counts map[string]int64 `msgpack:"counts"`
	Data   []byte           `msgpack:"data"`
	Doc    doc              `msgpack:"doc,omitempty"`
	Inner  []inner          `msgpack:"inner"`
	List   []string         `msgpack:"list,null"`
	Name   *string          `msgpack:"name"`
	Tags   []string         `msgpack:"tags,withdoc"`
	Not    int              `msgpack:"-"`
}

const slotName schema.Slot = 3

var format = schema.Format{MaxBytes: 4, MaxList: 3, Slots: map[string]schema.Slot{"name": slotName}}

func encode(v *outer, old *pack.Cursor) []byte {
	s := schema.Of(reflect.TypeFor[outer](), format)
	return pack.Append(nil, func(p *pack.Packer) { s.Pack(p, reflect.ValueOf(v).Elem(), old) })
}

// What is packed is what Check takes and Decode gives back, and Check says where the
// slots are.
func TestRoundTrip(t *testing.T) {
	name := "x"
	document := pack.Append(nil, func(p *pack.Packer) { p.Int(7) })
	for _, want := range []outer{
		{Counts: map[string]int64{}, Data: []byte{}, Inner: []inner{}},
		{Counts: map[string]int64{"b": 2, "a": 1}, Data: []byte("data"), Doc: document, Inner: []inner{{1}, {2}}, List: []string{}, Name: &name, Tags: []string{"t"}},
	} {
		data := encode(&want, nil)
		s := schema.Of(reflect.TypeFor[outer](), format)
		var l schema.Layout
		if end, err := s.Check(data, 0, 0, &l); err != nil || end != len(data) {
			t.Fatalf("%d of %d bytes: %v", end, len(data), err)
		}
		at := pack.CursorAt(data, int(l.At[slotName]))
		if got := at.Null(); got != (want.Name == nil) {
			t.Errorf("name is null: %v", got)
		}
		var got outer
		s.Decode(pack.CursorAt(data, 0), reflect.ValueOf(&got).Elem())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got: %s", diff)
		}
	}
}

// What the schema does not know stays, also in the maps of a list, in the order of keys.
func TestPackOver(t *testing.T) {
	old := pack.Append(nil, func(p *pack.Packer) {
		p.MapLen(3)
		p.Str("zz")
		p.Int(1)
		p.Str("inner")
		p.ArrayLen(1)
		p.MapLen(2)
		p.Str("b")
		p.Int(9)
		p.Str("a")
		p.Int(1)
		p.Str("date")
		p.Null()
	})
	got := encode(&outer{Inner: []inner{{5}}}, pack.CursorAt(old, 0))
	text, err := pack.AppendJSON(nil, pack.CursorAt(got, 0), true)
	if want := `{"counts":{},"data":"","date":null,"inner":[{"a":5,"b":9}],"list":null,"name":null,"zz":1}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
}

func TestLimits(t *testing.T) {
	s := schema.Of(reflect.TypeFor[outer](), format)
	for _, v := range []*outer{{Data: []byte("12345")}, {Inner: make([]inner, 4)}, {List: make([]string, 4)}} {
		data := encode(v, nil)
		if _, err := s.Check(data, 0, 0, nil); !errors.Is(err, pack.ErrLimit) {
			t.Errorf("%+v: %v", v, err)
		}
	}
	type unsorted struct {
		B int `msgpack:"b"`
		A int `msgpack:"a"`
	}
	defer func() {
		if recover() == nil {
			t.Error("took fields that are not in the order of their keys")
		}
	}()
	schema.Of(reflect.TypeFor[unsorted](), format)
}
