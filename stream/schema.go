package stream

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// A schema is what a record type says about the map that carries it: the keys,
// in ascending order, and the type of each value. It is read once from the
// struct tags, and then serves to check, to encode and to decode.
//
// Tags are `msgpack:"key"` with one of these options:
//
//	omitempty  the key is optional and left out where the field is zero, which
//	           for a pointer is nil: such a key is never null
//	withdoc    the key is optional and left out where the field Doc is nil
//	null       a nil slice is null; without it a nil slice is an empty list
type schema struct {
	fields []field
}

type field struct {
	key      string
	index    int
	optional bool
	withDoc  bool
	null     bool
	typ      fieldType
	sub      *schema // of typeStruct and typeStructs
	slot     slot
	max      int // length of a str or bin; 0 = no limit
}

type fieldType uint8

const (
	typeStr fieldType = iota
	typeBool
	typeInt
	typePair // [2]int
	typeBin
	typeDoc
	typeStrs
	typeDocs
	typeCounts
	typeStruct
	typeStructs
	typeContext // of metrics, as the next three
	typeInts
	typeExtra
	typeValues
)

// schemaOf reads the schema of a record type.
func schemaOf(t reflect.Type) *schema {
	s := &schema{}
	for i := range t.NumField() {
		f := t.Field(i)
		key, option, _ := strings.Cut(f.Tag.Get("msgpack"), ",")
		if key == "" || key == "-" {
			continue
		}
		fd := field{key: key, index: i, slot: slotOfKey[key]}
		fd.withDoc = option == "withdoc"
		fd.optional = option == "omitempty" || fd.withDoc
		fd.null = option == "null"
		fd.setType(f.Type)
		if key == "data" {
			fd.max = MaxData
		}
		s.fields = append(s.fields, fd)
	}
	if !slices.IsSortedFunc(s.fields, func(a, b field) int { return cmp.Compare(a.key, b.key) }) {
		panic("stream: fields of " + t.Name() + " are not in the order of their keys")
	}
	return s
}

// typeOf has the field types that are known by their Go type; the others are
// known by their Go kind.
var typeOf = map[reflect.Type]fieldType{
	reflect.TypeFor[Doc]():           typeDoc,
	reflect.TypeFor[[]Doc]():         typeDocs,
	reflect.TypeFor[Counts]():        typeCounts,
	reflect.TypeFor[[2]int]():        typePair,
	reflect.TypeFor[[]string]():      typeStrs,
	reflect.TypeFor[[]byte]():        typeBin,
	reflect.TypeFor[contextColumn](): typeContext,
	reflect.TypeFor[intColumn]():     typeInts,
	reflect.TypeFor[extraColumn]():   typeExtra,
	reflect.TypeFor[valueColumn]():   typeValues,
}

func (f *field) setType(t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		f.null = !f.optional || f.withDoc
		t = t.Elem()
	}
	typ, ok := typeOf[t]
	switch {
	case ok:
		f.typ = typ
	case t.Kind() == reflect.String:
		f.typ = typeStr
	case t.Kind() == reflect.Bool:
		f.typ = typeBool
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		f.typ = typeInt
	case t.Kind() == reflect.Struct:
		f.typ, f.sub = typeStruct, schemaOf(t)
	case t.Kind() == reflect.Slice:
		f.typ, f.sub = typeStructs, schemaOf(t.Elem())
	default:
		panic("stream: no msgpack for " + t.String())
	}
}

// find returns the index of the field of that key, or -1. Keys come in order, so
// the field at next is the likely one.
func (s *schema) find(key []byte, next int) int {
	for i := next; i < len(s.fields); i++ {
		if s.fields[i].key == string(key) {
			return i
		}
	}
	for i := range min(next, len(s.fields)) {
		if s.fields[i].key == string(key) {
			return i
		}
	}
	return -1
}
