package stream

import (
	"encoding/binary"
	"io"
	"math"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// The msgpack of this package is that of the library, value by value; the schemas
// say which values a record is made of and in which order, for which the library
// has no promise. This file adds what the format asks for: one form a value, the
// shortest; slices that alias the block they were read from; and no allocation a
// value. Lengths and nesting, which the library trusts, are checked by scan before
// a cursor reads.

// extLiteral is the ext type of a JSON number that travels as its text.
const extLiteral = 1

// A packer appends msgpack to a slice. Each of its methods appends one value, or
// the head of one, in its shortest form.
type packer struct {
	b   []byte
	enc *msgpack.Encoder // writes to the packer
}

func newPacker() *packer {
	p := new(packer)
	p.enc = msgpack.NewEncoder(p)
	return p
}

var packers = sync.Pool{New: func() any { return newPacker() }}

// pack appends to b what write packs.
func pack(b []byte, write func(*packer)) []byte {
	p := packers.Get().(*packer)
	p.b = b
	write(p)
	b, p.b = p.b, nil
	packers.Put(p)
	return b
}

// Write and WriteByte serve the encoder.
func (p *packer) Write(b []byte) (int, error) {
	p.b = append(p.b, b...)
	return len(b), nil
}

func (p *packer) WriteByte(c byte) error {
	p.b = append(p.b, c)
	return nil
}

// noError is for the errors of the library, which has none for writing to memory
// and for reading what has been checked.
func noError(err error) {
	if err != nil {
		panic("stream: msgpack: " + err.Error())
	}
}

func (p *packer) null()           { noError(p.enc.EncodeNil()) }
func (p *packer) bool(v bool)     { noError(p.enc.EncodeBool(v)) }
func (p *packer) int(v int64)     { noError(p.enc.EncodeInt(v)) }
func (p *packer) uint(v uint64)   { noError(p.enc.EncodeUint(v)) }
func (p *packer) float(v float64) { noError(p.enc.EncodeFloat64(v)) }
func (p *packer) str(s string)    { noError(p.enc.EncodeString(s)) }
func (p *packer) arrayLen(n int)  { noError(p.enc.EncodeArrayLen(n)) }
func (p *packer) mapLen(n int)    { noError(p.enc.EncodeMapLen(n)) }

// bin packs bytes. EncodeBytes would make a null of a nil slice.
func (p *packer) bin(data []byte) {
	noError(p.enc.EncodeBytesLen(len(data)))
	p.raw(data)
}

func (p *packer) literal(text string) {
	noError(p.enc.EncodeExtHeader(extLiteral, len(text)))
	p.b = append(p.b, text...)
}

// raw appends msgpack as it is.
func (p *packer) raw(value []byte) { p.b = append(p.b, value...) }

// A cursor reads msgpack that scan has passed: it checks nothing again, and
// panics where it is misused.
type cursor struct {
	b   []byte
	i   int
	dec *msgpack.Decoder // reads from the cursor, and no further than it must
}

var cursors = sync.Pool{New: func() any {
	c := new(cursor)
	c.dec = msgpack.NewDecoder(c)
	return c
}}

// cursorAt returns a cursor at the value at b[i]. It is to be freed.
func cursorAt(b []byte, i int) *cursor {
	c := cursors.Get().(*cursor)
	c.b, c.i = b, i
	return c
}

// free takes the cursor back. Slices that it returned stay valid.
func (c *cursor) free() {
	c.b = nil
	cursors.Put(c)
}

// Read, ReadByte and UnreadByte serve the decoder, which does not buffer what
// comes from an [io.ByteScanner]: i is always where it stands.
func (c *cursor) Read(b []byte) (int, error) {
	if c.i >= len(c.b) {
		return 0, io.EOF
	}
	n := copy(b, c.b[c.i:])
	c.i += n
	return n, nil
}

func (c *cursor) ReadByte() (byte, error) {
	if c.i >= len(c.b) {
		return 0, io.EOF
	}
	c.i++
	return c.b[c.i-1], nil
}

func (c *cursor) UnreadByte() error {
	c.i--
	return nil
}

// class returns the class of the next value.
func (c *cursor) class() class { return classOf[c.b[c.i]] }

// null steps over a nil, where one stands.
func (c *cursor) null() bool {
	if c.class() != classNil {
		return false
	}
	noError(c.dec.DecodeNil())
	return true
}

func (c *cursor) bool() bool {
	v, err := c.dec.DecodeBool()
	noError(err)
	return v
}

// int reads an integer; one above the range of int64 wraps.
func (c *cursor) int() int64 {
	v, err := c.dec.DecodeInt64()
	noError(err)
	return v
}

// float reads a float64 or float32. The former is read here: it takes the library
// 19 ns more, and a record of metrics has 8,192 of them.
func (c *cursor) float() float64 {
	if c.class() == classFloat {
		return math.Float64frombits(binary.BigEndian.Uint64(c.take(9)[1:]))
	}
	v, err := c.dec.DecodeFloat64()
	noError(err)
	return v
}

func (c *cursor) arrayLen() int {
	n, err := c.dec.DecodeArrayLen()
	noError(err)
	return n
}

func (c *cursor) mapLen() int {
	n, err := c.dec.DecodeMapLen()
	noError(err)
	return n
}

// bytes reads a str or bin. The slice aliases the input.
func (c *cursor) bytes() []byte {
	n, err := c.dec.DecodeBytesLen()
	noError(err)
	return c.take(n)
}

func (c *cursor) str() string { return string(c.bytes()) }

// ext reads an ext value. The data alias the input.
func (c *cursor) ext() (typ int8, data []byte) {
	typ, n, err := c.dec.DecodeExtHeader()
	noError(err)
	return typ, c.take(n)
}

func (c *cursor) take(n int) []byte {
	c.i += n
	return c.b[c.i-n : c.i : c.i]
}

// skip steps over one value and returns its bytes. They are found by scan, since
// the Skip of the library copies what it steps over.
func (c *cursor) skip() []byte {
	end, err := scan(c.b, c.i, 0)
	noError(err)
	return c.take(end - c.i)
}
