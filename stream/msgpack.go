package stream

import (
	"encoding/binary"
	"math"
)

// The functions of this file are the package's msgpack. It is written here, over
// byte slices, because the format asks for what a general library does not give:
// every length and depth checked before anything is allocated, one encoding a
// value, types and keys that must be those of the record, and slices that alias
// the block they were read from.

// The first byte of a value says what it is. Those of fix* kinds carry a number
// in their low bits.
const (
	codeFixMap   = 0x80 // to 0x8f
	codeFixArray = 0x90 // to 0x9f
	codeFixStr   = 0xa0 // to 0xbf
	codeNil      = 0xc0
	codeInvalid  = 0xc1
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	codeBin8     = 0xc4 // and 16, 32
	codeExt8     = 0xc7 // and 16, 32
	codeFloat32  = 0xca
	codeFloat64  = 0xcb
	codeUint8    = 0xcc // and 16, 32, 64
	codeInt8     = 0xd0 // and 16, 32, 64
	codeFixExt1  = 0xd4 // and 2, 4, 8, 16
	codeStr8     = 0xd9 // and 16, 32
	codeArray16  = 0xdc // and 32
	codeMap16    = 0xde // and 32
	codeNegative = 0xe0 // to 0xff
)

func appendNil(b []byte) []byte { return append(b, codeNil) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

// appendInt writes v in its shortest form.
func appendInt(b []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendUint(b, uint64(v))
	case v >= -32:
		return append(b, byte(v))
	case v >= math.MinInt8:
		return append(b, codeInt8, byte(v))
	case v >= math.MinInt16:
		return append(b, codeInt8+1, byte(v>>8), byte(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, codeInt8+2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, codeInt8+3), uint64(v))
}

// appendUint writes v in its shortest form.
func appendUint(b []byte, v uint64) []byte {
	switch {
	case v <= 0x7f:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, codeUint8, byte(v))
	case v <= math.MaxUint16:
		return append(b, codeUint8+1, byte(v>>8), byte(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, codeUint8+2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, codeUint8+3), v)
}

func appendFloat(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, codeFloat64), math.Float64bits(v))
}

func appendStrLen(b []byte, n int) []byte {
	switch {
	case n <= 31:
		return append(b, codeFixStr|byte(n))
	case n <= math.MaxUint8:
		return append(b, codeStr8, byte(n))
	case n <= math.MaxUint16:
		return append(b, codeStr8+1, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeStr8+2), uint32(n))
}

func appendStr[T string | Kind | []byte](b []byte, s T) []byte {
	return append(appendStrLen(b, len(s)), s...)
}

func appendBin(b, data []byte) []byte {
	switch n := len(data); {
	case n <= math.MaxUint8:
		b = append(b, codeBin8, byte(n))
	case n <= math.MaxUint16:
		b = append(b, codeBin8+1, byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, codeBin8+2), uint32(n))
	}
	return append(b, data...)
}

func appendArrayLen(b []byte, n int) []byte {
	switch {
	case n <= 15:
		return append(b, codeFixArray|byte(n))
	case n <= math.MaxUint16:
		return append(b, codeArray16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeArray16+1), uint32(n))
}

func appendMapLen(b []byte, n int) []byte {
	switch {
	case n <= 15:
		return append(b, codeFixMap|byte(n))
	case n <= math.MaxUint16:
		return append(b, codeMap16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeMap16+1), uint32(n))
}

// extLiteral is the ext type of a JSON number that travels as its text.
const extLiteral = 1

func appendLiteral(b, text []byte) []byte {
	switch n := len(text); n {
	case 1:
		b = append(b, codeFixExt1)
	case 2:
		b = append(b, codeFixExt1+1)
	case 4:
		b = append(b, codeFixExt1+2)
	case 8:
		b = append(b, codeFixExt1+3)
	case 16:
		b = append(b, codeFixExt1+4)
	default:
		switch {
		case n <= math.MaxUint8:
			b = append(b, codeExt8, byte(n))
		case n <= math.MaxUint16:
			b = append(b, codeExt8+1, byte(n>>8), byte(n))
		default:
			b = binary.BigEndian.AppendUint32(append(b, codeExt8+2), uint32(n))
		}
	}
	return append(append(b, extLiteral), text...)
}

// A cursor reads msgpack that scan has passed: it checks nothing again, and
// panics where it is misused.
type cursor struct {
	b []byte
	i int
}

func (c *cursor) peek() byte { return c.b[c.i] }

// null steps over a nil, where one stands.
func (c *cursor) null() bool {
	if c.b[c.i] == codeNil {
		c.i++
		return true
	}
	return false
}

// size reads the length that a head announces and steps behind the head. It
// serves str, bin, array, map and ext alike.
func (c *cursor) size() int {
	n, head := lengthOf(c.b, c.i)
	c.i += head
	return n
}

// bytes reads a str or bin. The slice aliases the input.
func (c *cursor) bytes() []byte {
	n := c.size()
	c.i += n
	return c.b[c.i-n : c.i : c.i]
}

func (c *cursor) str() string { return string(c.bytes()) }

func (c *cursor) bool() bool {
	c.i++
	return c.b[c.i-1] == codeTrue
}

// int reads an integer; one above the range of int64 wraps.
func (c *cursor) int() int64 {
	head := c.b[c.i]
	c.i++
	if head <= 0x7f || head >= codeNegative {
		return int64(int8(head))
	}
	n := 1 << (head & 3) // uint8 … uint64 and int8 … int64 are 0xcc … 0xd3
	p := c.b[c.i : c.i+n]
	c.i += n
	switch head {
	case codeUint8:
		return int64(p[0])
	case codeUint8 + 1:
		return int64(binary.BigEndian.Uint16(p))
	case codeUint8 + 2:
		return int64(binary.BigEndian.Uint32(p))
	case codeInt8:
		return int64(int8(p[0]))
	case codeInt8 + 1:
		return int64(int16(binary.BigEndian.Uint16(p)))
	case codeInt8 + 2:
		return int64(int32(binary.BigEndian.Uint32(p)))
	}
	return int64(binary.BigEndian.Uint64(p))
}

func (c *cursor) float() float64 {
	c.i += 9
	return math.Float64frombits(binary.BigEndian.Uint64(c.b[c.i-8:]))
}

// skip steps over one value and returns its bytes.
func (c *cursor) skip() []byte {
	start := c.i
	for left := 1; left > 0; left-- {
		head := c.b[c.i]
		if n := fixedSize[head]; n > 0 {
			c.i += int(n)
			continue
		}
		n := c.size()
		switch class := classOf[head]; class {
		case classArray:
			left += n
		case classMap:
			left += 2 * n
		case classExt:
			c.i += n + 1
		default:
			c.i += n
		}
	}
	return c.b[start:c.i:c.i]
}
