package stream

import (
	"hash/crc32"
	"io"
	"math"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A Block is a label and its frame, still compressed.
type Block struct {
	Label  Label
	Frame  []byte
	Offset int64 // of the label in the input

	content *content // where it has been decoded
}

// Records decompresses the block, where that has not been done, and returns its
// records. They belong to the caller.
func (b *Block) Records() ([]Raw, error) {
	if b.content == nil {
		c, err := b.decode(nil)
		if err != nil {
			return nil, err
		}
		b.content = c
	}
	return b.content.raws(&b.Label), nil
}

// check checks the frame without decompressing it.
func (b *Block) check() error {
	err := checkFrame(b.Frame, int(b.Label.ContentLen))
	if crc32.Checksum(b.Frame, castagnoli) != b.Label.CRC {
		err = fault(ErrCorrupt, "frame: checksum mismatch")
	}
	return b.locate(err)
}

// ReadBlockAt reads and checks the block at an offset of r, and returns the
// offset of what follows it. What precedes the block is not checked: the caller
// has read the stream before.
func ReadBlockAt(r io.ReaderAt, offset int64) (*Block, int64, error) {
	s := &source{r: io.NewSectionReader(r, offset, math.MaxInt64-offset), offset: offset, started: true, inStream: true, single: true}
	b, err := s.next(nil)
	if err == nil {
		err = b.check()
	}
	return b, s.offset, err
}

func (b *Block) locate(err error) error {
	if err == nil {
		return nil
	}
	return locate(err, int64(b.Label.Sequence), "", b.Offset)
}

// A content is what a block decompresses to.
type content struct {
	data    []byte
	records []view
}

// zstdDecoder decompresses the frames of all readers. It allocates nothing but
// what the caller has announced.
var zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxContent), zstd.WithDecodeAllCapLimit(true))
})

// decode checks the block, decompresses it into buf where that is large enough,
// and checks its records.
func (b *Block) decode(buf []byte) (*content, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	decoder, err := zstdDecoder()
	if err != nil {
		return nil, err
	}
	n := int(b.Label.ContentLen)
	if cap(buf) < n {
		buf = newBuffer(n)
	}
	data, err := decoder.DecodeAll(b.Frame, buf[:0:n])
	if err != nil {
		return nil, b.locate(fault(ErrCorrupt, "frame: %v", err))
	}
	if len(data) != n {
		return nil, b.locate(fault(ErrCorrupt, "frame of %d bytes of content, its label says %d", len(data), n))
	}
	c := &content{data: data}
	return c, c.check(b)
}

// check splits the content into records and checks them against the label.
func (c *content) check(b *Block) error {
	l := &b.Label
	c.records = make([]view, 0, l.Records)
	at := int64(l.Sequence)
	var kinds KindSet
	for rest := c.data; len(rest) > 0; at++ {
		if len(c.records) == int(l.Records) {
			return b.locate(fault(ErrCorrupt, "more records than the label says"))
		}
		v, err := checkRecord(rest)
		if err != nil {
			return locate(err, at, v.kind, b.Offset)
		}
		if v.kind == KindHeader {
			if id, err := streamID(v.decode().(*Header).ID); err != nil || id != l.Stream {
				return b.locate(fault(ErrCorrupt, "header of another stream than its label says"))
			}
		}
		rest = rest[len(v.data):]
		kinds |= 1 << v.bit
		c.records = append(c.records, v)
	}
	if len(c.records) != int(l.Records) {
		return b.locate(fault(ErrCorrupt, "%d records, the label says %d", len(c.records), l.Records))
	}
	if kinds != l.Kinds.folded() {
		return b.locate(fault(ErrCorrupt, "label lies about the kinds of records"))
	}
	last := c.records[len(c.records)-1].kind
	if l.Last != (last == KindTrailer || last == KindAbort) {
		return b.locate(fault(ErrCorrupt, "label lies about the end of the stream"))
	}
	return nil
}

// raws returns the records, each with what the label and the records before it
// say about its place.
func (c *content) raws(l *Label) []Raw {
	raws := make([]Raw, len(c.records))
	place := placeInside
	if l.Outside {
		place = placeOutside
	}
	for i := range c.records {
		v := &c.records[i]
		if opensGroup.Has(v.kind) {
			place = placeOutside
		}
		raws[i] = Raw{Kind: v.kind, Data: v.data, view: v, place: place}
		if opensGroup.Has(v.kind) {
			place = placeInside
		} else if groupOf[v.kind] != "" {
			place = placeOutside
		}
	}
	return raws
}
