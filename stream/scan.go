package stream

import (
	"encoding/binary"
	"unicode/utf8"
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
	span := func(from, to int, c class, fixed, head uint8) {
		for b := from; b <= to; b++ {
			classOf[b], fixedSize[b], headSize[b] = c, fixed, head
		}
	}
	span(0x00, 0x7f, classInt, 1, 0)
	span(codeNegative, 0xff, classInt, 1, 0)
	span(codeNil, codeNil, classNil, 1, 0)
	span(codeFalse, codeTrue, classBool, 1, 0)
	span(codeFloat32, codeFloat32, classFloat32, 5, 0)
	span(codeFloat64, codeFloat64, classFloat, 9, 0)
	span(codeFixMap, 0x8f, classMap, 0, 1)
	span(codeFixArray, 0x9f, classArray, 0, 1)
	span(codeFixStr, 0xbf, classStr, 0, 1)
	span(codeFixExt1, codeFixExt1+4, classExt, 0, 1)
	for i := range 4 {
		span(codeUint8+i, codeUint8+i, classInt, 1+1<<i, 0)
		span(codeInt8+i, codeInt8+i, classInt, 1+1<<i, 0)
	}
	for i := range 3 {
		span(codeBin8+i, codeBin8+i, classBin, 0, 1+1<<i)
		span(codeExt8+i, codeExt8+i, classExt, 0, 1+1<<i)
		span(codeStr8+i, codeStr8+i, classStr, 0, 1+1<<i)
	}
	for i := range 2 {
		span(codeArray16+i, codeArray16+i, classArray, 0, 3+2*uint8(i))
		span(codeMap16+i, codeMap16+i, classMap, 0, 3+2*uint8(i))
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
	switch {
	case c >= codeFixExt1:
		return 1 << (c - codeFixExt1), 1
	case c >= codeFixStr:
		return int(c & 0x1f), 1
	}
	return int(c & 0x0f), 1
}

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
	errCut      = fault(ErrCorrupt, "msgpack ends in the middle of a value")
	errLength   = fault(ErrCorrupt, "msgpack announces more than is there")
	errCode     = fault(ErrCorrupt, "not msgpack")
	errUTF8     = fault(ErrCorrupt, "text is not UTF-8")
	errKeyType  = fault(ErrCorrupt, "key of a map is not a str")
	errTooDeep  = fault(ErrLimit, "nested deeper than %d levels", maxDepth)
	errTooLarge = fault(ErrLimit, "record of more than %d bytes", maxRecord)
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
