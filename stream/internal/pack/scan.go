package pack

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// MaxDepth is the deepest nesting of arrays and maps in a record, the record's
// own array being the first level.
const MaxDepth = 32

// A Class groups the first bytes of values by how they go on.
type Class uint8

// The classes of msgpack.
const (
	classInvalid Class = iota
	ClassNil
	ClassBool
	ClassInt
	ClassFloat
	ClassFloat32
	ClassStr
	ClassBin
	ClassArray
	ClassMap
	ClassExt
)

var (
	// ClassOf has the class of the values that begin with each byte.
	ClassOf [256]Class
	// FixedSize has the whole size of a number, nil or bool, 0 for what has a length.
	FixedSize [256]uint8
	// HeadSize has the size of the head of what has a length, the type of an ext left out.
	HeadSize [256]uint8
)

func init() {
	span := func(from, to byte, c Class, fixed, head uint8) {
		for b := int(from); b <= int(to); b++ {
			ClassOf[b], FixedSize[b], HeadSize[b] = c, fixed, head
		}
	}
	span(0, msgpcode.PosFixedNumHigh, ClassInt, 1, 0)
	span(msgpcode.NegFixedNumLow, 0xff, ClassInt, 1, 0)
	span(msgpcode.Nil, msgpcode.Nil, ClassNil, 1, 0)
	span(msgpcode.False, msgpcode.True, ClassBool, 1, 0)
	span(msgpcode.Float, msgpcode.Float, ClassFloat32, 5, 0)
	span(msgpcode.Double, msgpcode.Double, ClassFloat, 9, 0)
	span(msgpcode.FixedMapLow, msgpcode.FixedMapHigh, ClassMap, 0, 1)
	span(msgpcode.FixedArrayLow, msgpcode.FixedArrayHigh, ClassArray, 0, 1)
	span(msgpcode.FixedStrLow, msgpcode.FixedStrHigh, ClassStr, 0, 1)
	span(msgpcode.FixExt1, msgpcode.FixExt16, ClassExt, 0, 1)
	// Codes of one kind are adjacent, each with twice the bytes of the one before
	// it.
	for i := range byte(4) {
		span(msgpcode.Uint8+i, msgpcode.Uint8+i, ClassInt, 1+1<<i, 0)
		span(msgpcode.Int8+i, msgpcode.Int8+i, ClassInt, 1+1<<i, 0)
	}
	for i := range byte(3) {
		span(msgpcode.Bin8+i, msgpcode.Bin8+i, ClassBin, 0, 1+1<<i)
		span(msgpcode.Ext8+i, msgpcode.Ext8+i, ClassExt, 0, 1+1<<i)
		span(msgpcode.Str8+i, msgpcode.Str8+i, ClassStr, 0, 1+1<<i)
	}
	for i := range byte(2) {
		span(msgpcode.Array16+i, msgpcode.Array16+i, ClassArray, 0, 3+2*i)
		span(msgpcode.Map16+i, msgpcode.Map16+i, ClassMap, 0, 3+2*i)
	}
}

// LengthOf reads the head of a str, bin, array, map or ext at b[i], which must
// be there whole, and returns the length that it announces and its own size.
func LengthOf(b []byte, i int) (n, head int) {
	c := b[i]
	switch size := HeadSize[c]; size {
	case 2:
		return int(b[i+1]), 2
	case 3:
		return int(binary.BigEndian.Uint16(b[i+1:])), 3
	case 5:
		return int(binary.BigEndian.Uint32(b[i+1:])), 5
	}
	switch ClassOf[c] {
	case ClassExt:
		return 1 << (c - msgpcode.FixExt1), 1
	case ClassStr:
		return int(c & msgpcode.FixedStrMask), 1
	}
	return int(c & msgpcode.FixedArrayMask), 1 // which is that of maps
}

// BytesAt returns the contents of the str or bin at b[i], which Scan has passed.
func BytesAt(b []byte, i int) []byte {
	n, head := LengthOf(b, i)
	start, end := i+head, i+head+n
	return b[start:end:end]
}

// OverInt64 reports whether the integer at b[i], which is there whole, is above
// the range of int64.
func OverInt64(b []byte, i int) bool { return b[i] == msgpcode.Uint64 && b[i+1] >= 0x80 }

// A ClassSet is a set of classes.
type ClassSet uint16

// SetOf returns the set of classes.
func SetOf(classes ...Class) ClassSet {
	var s ClassSet
	for _, c := range classes {
		s |= 1 << c
	}
	return s
}

// Has reports whether a value that begins with the byte c is of one of the
// classes.
func (s ClassSet) Has(c byte) bool { return s&(1<<ClassOf[c]) != 0 }

// What Scan can find.
var (
	ErrCut     = Corrupt("msgpack ends in the middle of a value")
	ErrLength  = Corrupt("msgpack announces more than is there")
	errCode    = Corrupt("not msgpack")
	errUTF8    = Corrupt("text is not UTF-8")
	ErrKeyType = Corrupt("key of a map is not a str")
	ErrTooDeep = TooLarge("nested deeper than %d levels", MaxDepth)
)

// Scan checks the value at b[i], which is nested in depth arrays and maps, and
// returns the index after it. It makes sure that every length is covered by the
// bytes that are there, that nesting keeps the limit, that text is UTF-8 and that
// keys are text, so that a cursor can read the value unchecked.
func Scan(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, ErrCut
	}
	if n := int(FixedSize[b[i]]); n > 0 {
		if i += n; i > len(b) {
			return i, ErrCut
		}
		return i, nil
	}
	class := ClassOf[b[i]]
	if class == classInvalid {
		return i, errCode
	}
	if i+int(HeadSize[b[i]]) > len(b) {
		return i, ErrCut
	}
	n, head := LengthOf(b, i)
	i += head
	switch class {
	case ClassArray:
		return scanArray(b, i, n, depth+1)
	case ClassMap:
		return scanMap(b, i, n, depth+1)
	case ClassExt:
		n++ // the type
	}
	if n > len(b)-i {
		return i, ErrLength
	}
	if class == ClassStr && !utf8.Valid(b[i:i+n]) {
		return i, errUTF8
	}
	return i + n, nil
}

func scanArray(b []byte, i, n, depth int) (int, error) {
	if depth > MaxDepth {
		return i, ErrTooDeep
	}
	if n > len(b)-i {
		return i, ErrLength
	}
	var err error
	for range n {
		// Most arrays are columns of numbers: keep them on a short way.
		if i < len(b) {
			if size := int(FixedSize[b[i]]); size > 0 {
				i += size
				continue
			}
		}
		if i, err = Scan(b, i, depth); err != nil {
			return i, err
		}
	}
	if i > len(b) {
		return i, ErrCut
	}
	return i, nil
}

func scanMap(b []byte, i, n, depth int) (int, error) {
	if depth > MaxDepth {
		return i, ErrTooDeep
	}
	if n > (len(b)-i)/2 {
		return i, ErrLength
	}
	var err error
	for range n {
		if i < len(b) && ClassOf[b[i]] != ClassStr {
			return i, ErrKeyType
		}
		if i, err = Scan(b, i, depth); err != nil {
			return i, err
		}
		if i, err = Scan(b, i, depth); err != nil {
			return i, err
		}
	}
	return i, nil
}
