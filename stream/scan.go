package stream

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth is the deepest nesting of arrays and maps in a record, the record's
// own array being the first level.
const maxDepth = 32

// A class groups the first bytes of values by how they go on.
type class uint8

const (
	classInvalid class = iota
	classNil
	classBool
	classInt
	classFloat
	classFloat32
	classStr
	classBin
	classArray
	classMap
	classExt
)

var (
	classOf   [256]class
	fixedSize [256]uint8 // whole size of a number, nil or bool; 0 for what has a length
	headSize  [256]uint8 // size of the head of what has a length, the type byte of ext left out
)

func init() {
	span := func(from, to byte, c class, fixed, head uint8) {
		for b := int(from); b <= int(to); b++ {
			classOf[b], fixedSize[b], headSize[b] = c, fixed, head
		}
	}
	span(0, msgpcode.PosFixedNumHigh, classInt, 1, 0)
	span(msgpcode.NegFixedNumLow, 0xff, classInt, 1, 0)
	span(msgpcode.Nil, msgpcode.Nil, classNil, 1, 0)
	span(msgpcode.False, msgpcode.True, classBool, 1, 0)
	span(msgpcode.Float, msgpcode.Float, classFloat32, 5, 0)
	span(msgpcode.Double, msgpcode.Double, classFloat, 9, 0)
	span(msgpcode.FixedMapLow, msgpcode.FixedMapHigh, classMap, 0, 1)
	span(msgpcode.FixedArrayLow, msgpcode.FixedArrayHigh, classArray, 0, 1)
	span(msgpcode.FixedStrLow, msgpcode.FixedStrHigh, classStr, 0, 1)
	span(msgpcode.FixExt1, msgpcode.FixExt16, classExt, 0, 1)
	// Codes of one kind stand side by side, each with twice the bytes of the one
	// before it.
	for i := range byte(4) {
		span(msgpcode.Uint8+i, msgpcode.Uint8+i, classInt, 1+1<<i, 0)
		span(msgpcode.Int8+i, msgpcode.Int8+i, classInt, 1+1<<i, 0)
	}
	for i := range byte(3) {
		span(msgpcode.Bin8+i, msgpcode.Bin8+i, classBin, 0, 1+1<<i)
		span(msgpcode.Ext8+i, msgpcode.Ext8+i, classExt, 0, 1+1<<i)
		span(msgpcode.Str8+i, msgpcode.Str8+i, classStr, 0, 1+1<<i)
	}
	for i := range byte(2) {
		span(msgpcode.Array16+i, msgpcode.Array16+i, classArray, 0, 3+2*i)
		span(msgpcode.Map16+i, msgpcode.Map16+i, classMap, 0, 3+2*i)
	}
}

// lengthOf reads the head of a str, bin, array, map or ext at b[i], which must
// be there whole, and returns the length that it announces and its own size.
func lengthOf(b []byte, i int) (n, head int) {
	c := b[i]
	switch size := headSize[c]; size {
	case 2:
		return int(b[i+1]), 2
	case 3:
		return int(binary.BigEndian.Uint16(b[i+1:])), 3
	case 5:
		return int(binary.BigEndian.Uint32(b[i+1:])), 5
	}
	switch classOf[c] {
	case classExt:
		return 1 << (c - msgpcode.FixExt1), 1
	case classStr:
		return int(c & msgpcode.FixedStrMask), 1
	}
	return int(c & msgpcode.FixedArrayMask), 1 // which is that of maps
}

// bytesAt returns the contents of the str or bin at b[i], which scan has passed.
func bytesAt(b []byte, i int) []byte {
	n, head := lengthOf(b, i)
	start, end := i+head, i+head+n
	return b[start:end:end]
}

// overInt64 reports whether the integer at b[i], which is there whole, is above
// the range of int64.
func overInt64(b []byte, i int) bool { return b[i] == msgpcode.Uint64 && b[i+1] >= 0x80 }

// A classSet is a set of classes.
type classSet uint16

func setOf(classes ...class) classSet {
	var s classSet
	for _, c := range classes {
		s |= 1 << c
	}
	return s
}

// has reports whether a value that begins with the byte c is of one of the
// classes.
func (s classSet) has(c byte) bool { return s&(1<<classOf[c]) != 0 }

// What scan can find.
var (
	errCut     = corrupt("msgpack ends in the middle of a value")
	errLength  = corrupt("msgpack announces more than is there")
	errCode    = corrupt("not msgpack")
	errUTF8    = corrupt("text is not UTF-8")
	errKeyType = corrupt("key of a map is not a str")
	errTooDeep = tooLarge("nested deeper than %d levels", maxDepth)
)

// scan checks the value at b[i], which stands under depth arrays and maps, and
// returns the index behind it. It makes sure that every length is covered by the
// bytes that are there, that nesting keeps the limit, that text is UTF-8 and
// that keys are text, so that a cursor can read the value unchecked.
func scan(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, errCut
	}
	if n := int(fixedSize[b[i]]); n > 0 {
		if i += n; i > len(b) {
			return i, errCut
		}
		return i, nil
	}
	class := classOf[b[i]]
	if class == classInvalid {
		return i, errCode
	}
	if i+int(headSize[b[i]]) > len(b) {
		return i, errCut
	}
	n, head := lengthOf(b, i)
	i += head
	switch class {
	case classArray:
		return scanArray(b, i, n, depth+1)
	case classMap:
		return scanMap(b, i, n, depth+1)
	case classExt:
		n++ // the type
	}
	if n > len(b)-i {
		return i, errLength
	}
	if class == classStr && !utf8.Valid(b[i:i+n]) {
		return i, errUTF8
	}
	return i + n, nil
}

func scanArray(b []byte, i, n, depth int) (int, error) {
	if depth > maxDepth {
		return i, errTooDeep
	}
	if n > len(b)-i {
		return i, errLength
	}
	var err error
	for range n {
		// Most arrays are columns of numbers: keep them on a short way.
		if i < len(b) {
			if size := int(fixedSize[b[i]]); size > 0 {
				i += size
				continue
			}
		}
		if i, err = scan(b, i, depth); err != nil {
			return i, err
		}
	}
	if i > len(b) {
		return i, errCut
	}
	return i, nil
}

func scanMap(b []byte, i, n, depth int) (int, error) {
	if depth > maxDepth {
		return i, errTooDeep
	}
	if n > (len(b)-i)/2 {
		return i, errLength
	}
	var err error
	for range n {
		if i < len(b) && classOf[b[i]] != classStr {
			return i, errKeyType
		}
		if i, err = scan(b, i, depth); err != nil {
			return i, err
		}
		if i, err = scan(b, i, depth); err != nil {
			return i, err
		}
	}
	return i, nil
}
