// Package schema maps structs to the msgpack maps that carry them, and back: it checks
// bytes against a struct type, and encodes and decodes values of it.
//
//	s := schema.Of(reflect.TypeFor[Chunk](), schema.Format{MaxBytes: 512 << 10, MaxList: 65536})
//	data := pack.Append(nil, func(p *pack.Packer) { s.Pack(p, reflect.ValueOf(chunk), nil) })
//	end, err := s.Check(data, 0, 0, nil) // what comes from outside
//	c := pack.CursorAt(data, 0)
//	defer c.Free()
//	s.Decode(c, reflect.ValueOf(&chunk).Elem())
//
// Tags are `msgpack:"key"`, in the order of their keys, with one of these options:
//
//	omitempty  the key is optional and left out where the field is zero, which
//	           for a pointer is nil: such a key is never null
//	withdoc    the key is optional and left out where the field Doc is nil
//	null       a nil slice is null; without it a nil slice is an empty list
//
// The type of a field says what its value is: a string, bool or integer; []byte, for
// bytes; a named type of it, for a document, which is any one value in msgpack; a
// struct; lists of strings, documents and structs; [2]int; a map of text to numbers.
// A pointer is nil where the value is null. The columns of points have types of this
// package, which are checked and not converted.
//
// It knows neither records nor their order. Errors are of package pack.
package schema

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// A Format is what a format asks for beside the types.
type Format struct {
	MaxBytes    int             // in a []byte
	MaxList     int             // elements of a list or map
	MaxContexts int             // in the dictionary of a [ContextColumn]
	Slots       map[string]Slot // keys that [Schema.Check] notes the place of
}

// A Slot numbers a key. 0 is for keys whose place is not noted.
type Slot uint8

// NumSlots is how many slots there may be, 0 among them.
const NumSlots = 11

// A Layout is what Check finds out of a map.
type Layout struct {
	At   [NumSlots]uint32 // index of the value of each slot, 0 where the key is missing
	Rows int              // length of the columns of points; -1 before the first of them
}

// A Schema is what a struct type says of the map that carries it.
type Schema struct {
	fields []field // in ascending order of their keys
	doc    int     // index of the field Doc
}

type field struct {
	key      string
	index    int // in the struct
	optional bool
	withDoc  bool
	null     bool
	typ      fieldType
	sub      *Schema // of typeStruct and typeStructs
	slot     Slot
	max      int // bytes or elements; 0 = no limit
}

type fieldType uint8

const (
	typeStr fieldType = iota
	typeBool
	typeInt
	typePair
	typeBin
	typeDoc
	typeStrs
	typeDocs
	typeCounts
	typeStruct
	typeStructs
	typeContext
	typeInts
	typeExtra
	typeValues
)

// Of reads the schema of a struct type. It panics if that is not one as above.
func Of(t reflect.Type, format Format) *Schema {
	s := &Schema{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "Doc" {
			s.doc = i
		}
		key, option, _ := strings.Cut(f.Tag.Get("msgpack"), ",")
		if key == "" || key == "-" {
			continue
		}
		fd := field{key: key, index: i, slot: format.Slots[key]}
		fd.withDoc = option == "withdoc"
		fd.optional = option == "omitempty" || fd.withDoc
		fd.null = option == "null"
		fd.setType(f.Type, &format)
		s.fields = append(s.fields, fd)
	}
	if !slices.IsSortedFunc(s.fields, func(a, b field) int { return cmp.Compare(a.key, b.key) }) {
		panic("stream: fields of " + t.Name() + " are not in the order of their keys")
	}
	return s
}

// columnTypes are the fields that are known by their very type.
var columnTypes = map[reflect.Type]fieldType{
	reflect.TypeFor[ContextColumn](): typeContext,
	reflect.TypeFor[IntColumn]():     typeInts,
	reflect.TypeFor[ExtraColumn]():   typeExtra,
	reflect.TypeFor[ValueColumn]():   typeValues,
}

func (f *field) setType(t reflect.Type, format *Format) {
	if t.Kind() == reflect.Pointer {
		f.null = !f.optional || f.withDoc
		t = t.Elem()
	}
	switch typ, isColumn := columnTypes[t]; {
	case isColumn:
		f.typ, f.max = typ, format.MaxContexts
	case t.Kind() == reflect.String:
		f.typ = typeStr
	case t.Kind() == reflect.Bool:
		f.typ = typeBool
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		f.typ = typeInt
	case isDoc(t):
		f.typ = typeDoc
	case t == reflect.TypeFor[[]byte]():
		f.typ, f.max = typeBin, format.MaxBytes
	case t.Kind() == reflect.Struct:
		f.typ, f.sub = typeStruct, Of(t, *format)
	default:
		f.max = format.MaxList
		f.setListType(t, format)
	}
}

func (f *field) setListType(t reflect.Type, format *Format) {
	switch {
	case t == reflect.TypeFor[[2]int]():
		f.typ = typePair
	case t.Kind() == reflect.Map:
		f.typ = typeCounts
	case t == reflect.TypeFor[[]string]():
		f.typ = typeStrs
	case t.Kind() == reflect.Slice && isDoc(t.Elem()):
		f.typ = typeDocs
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		f.typ, f.sub = typeStructs, Of(t.Elem(), *format)
	default:
		panic("stream: no msgpack for " + t.String())
	}
}

// isDoc reports whether a type is that of documents.
func isDoc(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && t.Name() != ""
}

// find returns the index of the field of that key, or -1. Keys come in order, so
// the field at next is the likely one.
func (s *Schema) find(key []byte, next int) int {
	for n := range s.fields {
		if i := (next + n) % len(s.fields); s.fields[i].key == string(key) {
			return i
		}
	}
	return -1
}

// IsBytes reports whether the value of a key is bytes.
func (s *Schema) IsBytes(key string) bool {
	i := s.find([]byte(key), 0)
	return i >= 0 && s.fields[i].typ == typeBin
}

// What a value may begin with, null aside, and what its elements may if it has any.
var classesOf = [...]struct{ value, element pack.ClassSet }{
	typeStr:     {value: pack.SetOf(pack.ClassStr)},
	typeBool:    {value: pack.SetOf(pack.ClassBool)},
	typeInt:     {value: ints},
	typePair:    {arrays, ints},
	typeBin:     {value: pack.SetOf(pack.ClassBin)},
	typeDoc:     {value: docs},
	typeStrs:    {arrays, strs},
	typeDocs:    {arrays, docs},
	typeCounts:  {value: maps},
	typeStruct:  {value: maps},
	typeStructs: {arrays, maps},
	typeContext: {pack.SetOf(pack.ClassNil, pack.ClassStr, pack.ClassArray), pack.SetOf(pack.ClassNil, pack.ClassStr)},
	typeInts:    {pack.SetOf(pack.ClassNil, pack.ClassArray), pack.SetOf(pack.ClassNil, pack.ClassInt)},
	typeExtra:   {arrays, pack.SetOf(pack.ClassNil, pack.ClassMap)},
	typeValues:  {arrays, pack.SetOf(pack.ClassNil, pack.ClassBool, pack.ClassInt, pack.ClassFloat, pack.ClassStr)},
}

var (
	ints   = pack.SetOf(pack.ClassInt)
	strs   = pack.SetOf(pack.ClassStr)
	arrays = pack.SetOf(pack.ClassArray)
	maps   = pack.SetOf(pack.ClassMap)
	docs   = pack.SetOf(pack.ClassNil, pack.ClassBool, pack.ClassInt, pack.ClassFloat, pack.ClassStr, pack.ClassArray, pack.ClassMap, pack.ClassExt)
)
