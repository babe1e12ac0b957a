package stream

import (
	"github.com/comet-stream/comet-stream/stream/internal/pack"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Limits of the format, FORMAT.md section 2.
const (
	// MaxPoints is the largest number of points in one metrics record.
	MaxPoints = 8192
	// MaxData is the largest number of bytes in one chunk, and in one piece of
	// a text.
	MaxData = 512 << 10
	// MaxKey is the length of the longest experiment key.
	MaxKey = 64

	maxRecord  = 8 << 20
	maxContent = 16 << 20
	maxKind    = 64
	maxRecords = 65536 // in one block
	maxList    = 65536 // elements of a list of the record's own, MaxPoints for columns
)

// A slot names a field that the grammar looks at. check notes where in the record
// the value of each is.
type slot uint8

const (
	slotNone slot = iota
	slotID        // "id" or "key"
	slotMore
	slotN
	slotData
	slotProject
	slotWorkspace
	slotName
	slotType
	slotSize
	slotPassing
	slotRemote
	slotOf // "kind" of skipped
	slotCount
)

var slotOfKey = map[string]slot{
	"id": slotID, "key": slotID, "more": slotMore, "n": slotN, "data": slotData, "project": slotProject,
	"workspace": slotWorkspace, "name": slotName, "type": slotType, "size": slotSize, "passing": slotPassing, "remote": slotRemote, "kind": slotOf,
}

// A view is a checked record: its bytes, and where in them the fields are that
// the grammar needs.
type view struct {
	data []byte
	kind Kind
	bit  uint8
	at   [slotCount]uint32 // 0 = absent
	rows int               // length of the columns of metrics
}

// body returns a cursor at the body of the record. It is to be freed.
func (v *view) body() *pack.Cursor {
	c := pack.CursorAt(v.data, 1)
	c.Skip()
	return c
}

// has reports whether the field is there and not null.
func (v *view) has(s slot) bool {
	i := v.at[s]
	return i != 0 && pack.ClassOf[v.data[i]] != pack.ClassNil
}

// str returns a text field, "" where it is absent or null. It aliases the record.
func (v *view) str(s slot) []byte {
	if !v.has(s) {
		return nil
	}
	return pack.BytesAt(v.data, int(v.at[s]))
}

func (v *view) int(s slot) int64 {
	if !v.has(s) {
		return 0
	}
	c := pack.CursorAt(v.data, int(v.at[s]))
	defer c.Free()
	return c.Int()
}

func (v *view) bool(s slot) bool {
	if !v.has(s) {
		return false
	}
	c := pack.CursorAt(v.data, int(v.at[s]))
	defer c.Free()
	return c.Bool()
}

// recordHead is the head of an array of two, which every record begins with.
var recordHead = msgpcode.FixedArrayLow | 2

// checkRecord checks that a record of a stream begins at the start of b, and
// returns the view of it. Bytes may follow it.
func checkRecord(b []byte) (view, error) {
	v := view{data: b, bit: unknownBit, rows: -1}
	if len(b) == 0 {
		return v, pack.ErrCut
	}
	if b[0] != recordHead {
		return v, fault(ErrCorrupt, "not a record: no array of two")
	}
	end, err := pack.Scan(b, 1, 1)
	if err != nil {
		return v, err
	}
	if pack.ClassOf[b[1]] != pack.ClassStr {
		return v, fault(ErrCorrupt, "not a record: its kind is not a str")
	}
	name := pack.BytesAt(b, 1)
	if len(name) == 0 || len(name) > maxKind {
		return v, fault(ErrLimit, "kind of %d bytes", len(name))
	}
	info := kinds[Kind(name)]
	if info == nil {
		v.kind = Kind(name)
		end, err = checkUnknown(b, end)
	} else {
		v.kind, v.bit = info.kind, info.bit
		end, err = info.schema.check(b, end, 1, &v)
	}
	if err == nil && end > maxRecord {
		err = fault(ErrLimit, "record of more than %d bytes", maxRecord)
	}
	if err != nil {
		return v, err
	}
	v.data = b[:end:end]
	return v, v.limits()
}

func checkUnknown(b []byte, i int) (int, error) {
	if i < len(b) && pack.ClassOf[b[i]] != pack.ClassMap {
		return i, fault(ErrCorrupt, "not a record: its body is not a map")
	}
	return pack.Scan(b, i, 1)
}

// limits checks what FORMAT.md says about single fields.
func (v *view) limits() error {
	switch v.kind {
	case KindExperiment:
		if n := len(v.str(slotID)); n < 1 || n > MaxKey {
			return fault(ErrLimit, "experiment key of %d bytes", n)
		}
	case KindMetrics:
		if n := v.int(slotN); n < 1 || n > MaxPoints {
			return fault(ErrLimit, "%d points in one record", n)
		} else if n != int64(v.rows) {
			return fault(ErrCorrupt, "%d points, and columns of %d", n, v.rows)
		}
	case KindChunk:
		if len(v.str(slotData)) == 0 {
			return fault(ErrCorrupt, "chunk without data")
		}
	}
	return nil
}

// check checks that b[i] begins a map with the keys of the schema and values of
// their types, and returns the index after it. Unknown keys may occur in it. A
// view, where one is given, learns where its slots are.
func (s *schema) check(b []byte, i, depth int, v *view) (int, error) {
	if i < len(b) && pack.ClassOf[b[i]] != pack.ClassMap {
		return i, fault(ErrCorrupt, "not a record: no map where one belongs")
	}
	n, i, err := checkHead(b, i, depth)
	if err != nil {
		return i, err
	}
	depth++
	var seen uint32
	next := 0
	for range n {
		if i < len(b) && pack.ClassOf[b[i]] != pack.ClassStr {
			return i, pack.ErrKeyType
		}
		start := i
		if i, err = pack.Scan(b, i, depth); err != nil {
			return i, err
		}
		f := s.find(pack.BytesAt(b, start), next)
		if f < 0 {
			if i, err = pack.Scan(b, i, depth); err != nil {
				return i, err
			}
			continue
		}
		if seen&(1<<f) != 0 {
			return i, fault(ErrCorrupt, "key %q occurs twice", s.fields[f].key)
		}
		seen |= 1 << f
		next = f + 1
		start = i
		if i, err = s.fields[f].check(b, i, depth, v); err != nil {
			return i, err
		}
		if v != nil {
			v.at[s.fields[f].slot] = uint32(start)
		}
	}
	for f := range s.fields {
		if seen&(1<<f) == 0 && !s.fields[f].optional {
			return i, fault(ErrCorrupt, "key %q is missing", s.fields[f].key)
		}
	}
	return i, nil
}

// classesOf has the classes that a field of each type may have, null aside.
var classesOf = [...]pack.ClassSet{
	typeStr:     pack.SetOf(pack.ClassStr),
	typeBool:    pack.SetOf(pack.ClassBool),
	typeInt:     pack.SetOf(pack.ClassInt),
	typePair:    pack.SetOf(pack.ClassArray),
	typeBin:     pack.SetOf(pack.ClassBin),
	typeDoc:     docClasses,
	typeStrs:    pack.SetOf(pack.ClassArray),
	typeDocs:    pack.SetOf(pack.ClassArray),
	typeCounts:  pack.SetOf(pack.ClassMap),
	typeStruct:  pack.SetOf(pack.ClassMap),
	typeStructs: pack.SetOf(pack.ClassArray),
	typeContext: pack.SetOf(pack.ClassNil, pack.ClassStr, pack.ClassArray),
	typeInts:    pack.SetOf(pack.ClassNil, pack.ClassArray),
	typeExtra:   pack.SetOf(pack.ClassArray),
	typeValues:  pack.SetOf(pack.ClassArray),
}

var docClasses = pack.SetOf(pack.ClassNil, pack.ClassBool, pack.ClassInt, pack.ClassFloat, pack.ClassStr, pack.ClassArray, pack.ClassMap, pack.ClassExt)

// check checks the value of one field at b[i].
func (f *field) check(b []byte, i, depth int, v *view) (int, error) {
	if i >= len(b) {
		return i, pack.ErrCut
	}
	if pack.ClassOf[b[i]] == pack.ClassNil && f.null {
		return i + 1, nil
	}
	if !classesOf[f.typ].Has(b[i]) {
		return i, f.wrong()
	}
	switch f.typ {
	case typeStruct:
		return f.sub.check(b, i, depth, nil)
	case typePair, typeStrs, typeDocs, typeCounts, typeStructs:
		return f.checkList(b, i, depth)
	case typeContext, typeInts, typeExtra, typeValues:
		return f.checkColumn(b, i, depth, v)
	}
	end, err := pack.Scan(b, i, depth)
	if err != nil {
		return i, err
	}
	if f.typ == typeInt && pack.OverInt64(b, i) {
		return i, f.wrong()
	}
	if f.max > 0 {
		if n, _ := pack.LengthOf(b, i); n > f.max {
			return i, fault(ErrLimit, "%s of %d bytes, more than %d", f.key, n, f.max)
		}
	}
	return end, nil
}

func (f *field) wrong() error {
	return fault(ErrCorrupt, "value of key %q is of another type", f.key)
}

// checkList checks an array, or the map of typeCounts, and its elements.
func (f *field) checkList(b []byte, i, depth int) (int, error) {
	n, i, err := checkHead(b, i, depth)
	if err != nil {
		return i, err
	}
	depth++
	if n > maxList {
		return i, fault(ErrLimit, "list %q of %d elements, more than %d", f.key, n, maxList)
	}
	var elements pack.ClassSet
	switch f.typ {
	case typePair:
		elements = pack.SetOf(pack.ClassInt)
		if n != 2 {
			return i, f.wrong()
		}
	case typeStrs:
		elements = pack.SetOf(pack.ClassStr)
	case typeDocs:
		elements = docClasses
	case typeStructs:
		for range n {
			if i, err = f.sub.check(b, i, depth, nil); err != nil {
				return i, err
			}
		}
		return i, nil
	case typeCounts:
		for range n {
			if i, err = f.checkRun(b, i, 1, depth, pack.SetOf(pack.ClassStr)); err != nil {
				return i, err
			}
			if i, err = f.checkRun(b, i, 1, depth, pack.SetOf(pack.ClassInt)); err != nil {
				return i, err
			}
		}
		return i, nil
	}
	return f.checkRun(b, i, n, depth, elements)
}

// checkHead reads the head of the array or map at b[i], which is nested in depth
// others, and returns the number of its elements and the index of the first.
func checkHead(b []byte, i, depth int) (n, next int, err error) {
	if i >= len(b) || i+int(pack.HeadSize[b[i]]) > len(b) {
		return 0, i, pack.ErrCut
	}
	if depth >= pack.MaxDepth {
		return 0, i, pack.ErrTooDeep
	}
	n, head := pack.LengthOf(b, i)
	i += head
	least := n // bytes that so many elements take
	if pack.ClassOf[b[i-head]] == pack.ClassMap {
		least = 2 * n
	}
	if least > len(b)-i {
		return 0, i, pack.ErrLength
	}
	return n, i, nil
}

// checkRun checks n values of the given classes, integers in the range of int64.
func (f *field) checkRun(b []byte, i, n, depth int, classes pack.ClassSet) (int, error) {
	for range n {
		if i >= len(b) {
			return i, pack.ErrCut
		}
		head := b[i]
		if !classes.Has(head) {
			return i, f.wrong()
		}
		if size := int(pack.FixedSize[head]); size > 0 {
			if i+size > len(b) {
				return i, pack.ErrCut
			}
			if pack.OverInt64(b, i) && f.typ != typeDocs {
				return i, f.wrong()
			}
			i += size
			continue
		}
		var err error
		if i, err = pack.Scan(b, i, depth); err != nil {
			return i, err
		}
	}
	return i, nil
}
