package unpack

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// A Zip reads the entries of a zip file in their order, without its directory,
// which is at its end. It cannot read entries that are encrypted, nor stored ones
// whose length comes after them.
type Zip struct {
	br    *bufio.Reader
	entry *entry
	err   error
}

// NewZip returns a reader of the zip file that r gives.
func NewZip(r io.Reader) *Zip { return &Zip{br: bufio.NewReaderSize(r, 64<<10)} }

// Signatures of what a zip file is made of.
const (
	sigEntry      = "PK\x03\x04"
	sigDirectory  = "PK\x01\x02"
	sigEnd        = "PK\x05\x06"
	sigDescriptor = "PK\x07\x08"
)

// Next goes on to the next entry, past what is left of the one before. It
// returns [io.EOF] after the last one.
func (z *Zip) Next() (name string, content io.Reader, err error) {
	if z.entry != nil && z.err == nil {
		_, z.err = io.Copy(io.Discard, z.entry)
	}
	if z.err == nil {
		name, z.err = z.next()
	}
	if z.err != nil {
		return "", nil, z.err
	}
	return name, z.entry, nil
}

// header is what a zip file says before an entry.
type header struct {
	method, flags uint16
	crc           uint32
	packed        uint64
	name          string
}

const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
)

func (z *Zip) next() (string, error) {
	sig, err := z.br.Peek(4)
	if err != nil {
		return "", short(err)
	}
	switch string(sig) {
	case sigEntry:
	case sigDirectory, sigEnd:
		return "", io.EOF
	default:
		return "", zip.ErrFormat
	}
	h, err := z.header()
	if err != nil {
		return "", err
	}
	e := &entry{z: z, h: h, sum: crc32.NewIEEE()}
	g := new(Guard)
	switch {
	case h.flags&flagEncrypted != 0:
		return "", fmt.Errorf("entry %q: %w", h.name, zip.ErrAlgorithm)
	case h.method == zip.Deflate:
		// The decoder takes byte by byte from what can give it, and so not one
		// too many.
		e.r = g.Unpacked(flate.NewReader(&countedBytes{z.br, g}))
	case h.method == zip.Store && h.flags&flagDescriptor == 0:
		e.left = h.packed
		e.r = &stored{e}
	default:
		return "", fmt.Errorf("entry %q: %w", h.name, zip.ErrAlgorithm)
	}
	z.entry = e
	return h.name, nil
}

func (z *Zip) header() (header, error) {
	var b [30]byte
	if _, err := io.ReadFull(z.br, b[:]); err != nil {
		return header{}, short(err)
	}
	le := binary.LittleEndian
	h := header{
		flags: le.Uint16(b[6:]), method: le.Uint16(b[8:]), crc: le.Uint32(b[14:]), packed: uint64(le.Uint32(b[18:])),
	}
	rest := make([]byte, int(le.Uint16(b[26:]))+int(le.Uint16(b[28:])))
	if _, err := io.ReadFull(z.br, rest); err != nil {
		return header{}, short(err)
	}
	n := int(le.Uint16(b[26:]))
	h.name = string(rest[:n])
	if h.packed == 1<<32-1 {
		h.packed = longSize(rest[n:])
	}
	return h, nil
}

// longSize finds the packed size in the extra field of large entries, after the
// unpacked one.
func longSize(extra []byte) uint64 {
	le := binary.LittleEndian
	for len(extra) >= 4 {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			break
		}
		if id == 1 && n >= 16 {
			return le.Uint64(extra[8:])
		}
		extra = extra[n:]
	}
	return 1<<32 - 1
}

// entry is the content of an entry.
type entry struct {
	z    *Zip
	h    header
	r    io.Reader
	left uint64 // of one that is stored
	sum  hash.Hash32
	err  error
}

// Read gives [io.EOF] once the content has the checksum that the file says.
func (e *entry) Read(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.r.Read(p)
	e.sum.Write(p[:n])
	if err == io.EOF {
		if err = e.end(); err == nil {
			err = io.EOF
		}
	} else if err != nil {
		err = short(err)
	}
	e.err = err
	return n, err
}

// end reads what follows the content.
func (e *entry) end() error {
	want := e.h.crc
	if e.h.flags&flagDescriptor != 0 {
		var err error
		if want, err = e.z.descriptor(); err != nil {
			return err
		}
	}
	if e.sum.Sum32() != want {
		return zip.ErrChecksum
	}
	return nil
}

// descriptor reads the checksum and the lengths after an entry: with a signature
// or not, the lengths of four bytes or of eight. What follows tells.
func (z *Zip) descriptor() (crc uint32, err error) {
	b, err := z.br.Peek(8 + 16 + 4)
	if len(b) < 16 {
		return 0, short(err)
	}
	from := 0
	if string(b[:4]) == sigDescriptor {
		from = 4
	}
	crc = binary.LittleEndian.Uint32(b[from:])
	for _, n := range []int{from + 4 + 8, from + 4 + 16} {
		if len(b) < n+4 {
			break
		}
		switch string(b[n : n+4]) {
		case sigEntry, sigDirectory, sigEnd:
			_, err := z.br.Discard(n)
			return crc, err
		}
	}
	return 0, zip.ErrFormat
}

// stored reads what is not compressed.
type stored struct{ e *entry }

func (s *stored) Read(p []byte) (int, error) {
	if s.e.left == 0 {
		return 0, io.EOF
	}
	n, err := s.e.z.br.Read(p[:min(uint64(len(p)), s.e.left)])
	s.e.left -= uint64(n)
	return n, short(err)
}

// countedBytes counts what a decoder takes.
type countedBytes struct {
	br *bufio.Reader
	g  *Guard
}

func (c *countedBytes) Read(p []byte) (int, error) {
	n, err := c.br.Read(p)
	c.g.packed += int64(n)
	return n, err
}

func (c *countedBytes) ReadByte() (byte, error) {
	b, err := c.br.ReadByte()
	if err == nil {
		c.g.packed++
	}
	return b, err
}

// short makes an end that comes too early an error.
func short(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// maxDirectory bounds the directory of a zip file, of which each entry takes
// ten times its size in memory: tens of thousands fit.
const maxDirectory = 4 << 20

// OpenZip returns a reader of a zip file that is there as a whole. It refuses one
// whose directory is too large to be kept, with [zip.ErrFormat].
func OpenZip(r io.ReaderAt, size int64) (*zip.Reader, error) {
	d := &directory{r: r}
	zr, err := zip.NewReader(d, size)
	d.read = true
	return zr, err
}

// directory bounds what is read of a zip file until its directory has been.
type directory struct {
	r    io.ReaderAt
	n    int
	read bool
}

func (d *directory) ReadAt(p []byte, off int64) (int, error) {
	if d.read {
		return d.r.ReadAt(p, off)
	}
	if d.n += len(p); d.n > maxDirectory {
		return 0, fmt.Errorf("%w: its directory is over %d MiB", zip.ErrFormat, maxDirectory>>20)
	}
	return d.r.ReadAt(p, off)
}
