package stream

import (
	"bytes"
	"encoding/binary"
	"io"
)

// A scanner gives access to the bytes of an input by their offset, as far as
// they have not been dropped.
type scanner struct {
	r    io.Reader
	buf  []byte
	base int64 // offset of buf[0]
	err  error // of r, io.EOF at its end
}

// at returns the n bytes at offset, or fewer where the input ends.
func (s *scanner) at(offset int64, n int) []byte {
	from := int(offset - s.base)
	for len(s.buf) < from+n && s.err == nil {
		room := max(64<<10, min(from+n-len(s.buf), 1<<20))
		have := len(s.buf)
		if cap(s.buf)-have < room {
			s.buf = append(make([]byte, 0, 2*cap(s.buf)+room), s.buf...)
		}
		var got int
		got, s.err = s.r.Read(s.buf[have : have+room])
		s.buf = s.buf[:have+got]
	}
	return s.buf[min(from, len(s.buf)):min(from+n, len(s.buf))]
}

// drop gives up the bytes before offset. It moves what is left only where that
// frees much: in an input that is full of marks it is called for each of them.
func (s *scanner) drop(offset int64) {
	n := min(int(offset-s.base), len(s.buf))
	if n < 1<<20 {
		return
	}
	s.buf = s.buf[:copy(s.buf, s.buf[n:])]
	s.base += int64(n)
}

// find returns the offset of the next mark of a label at or after offset, or
// limit where there is none before it.
func (s *scanner) find(offset, limit int64) int64 {
	const step = 1 << 20
	for offset < limit {
		b := s.at(offset, step)
		if i := bytes.Index(b, []byte(labelStart)); i >= 0 {
			return min(offset+int64(i), limit)
		}
		if len(b) < step {
			return limit // the input ends before it
		}
		offset += step - int64(len(labelStart)) + 1
	}
	return limit
}

// block returns the good block at offset, over skippable frames before it, and
// the offset after it. At the end of the input it returns io.EOF.
func (s *scanner) block(offset int64) (*Block, int64, error) {
	for {
		head := s.at(offset, 8)
		if len(head) == 0 && s.err != nil {
			return nil, offset, s.err
		}
		if len(head) < 8 || binary.LittleEndian.Uint32(head)&^15 != skippableMagic {
			return nil, offset, fault(ErrCorrupt, "no block where one belongs")
		}
		if binary.LittleEndian.Uint32(head) == labelMagic {
			break
		}
		// Damage can make any length: what is too long to be looked at is none.
		size := int(binary.LittleEndian.Uint32(head[4:]))
		if size > window || len(s.at(offset+8, size)) < size {
			return nil, offset, fault(ErrCorrupt, "no block where one belongs")
		}
		offset += 8 + int64(size)
	}
	label := s.at(offset, labelSize)
	if len(label) < labelSize {
		return nil, offset, fault(ErrTruncated, "stream ends before its trailer")
	}
	l, err := parseLabel(label)
	if err != nil {
		return nil, offset, err
	}
	b := &Block{Label: l, Offset: offset, Frame: s.at(offset+labelSize, int(l.FrameLen))}
	if len(b.Frame) < int(l.FrameLen) {
		return b, offset, fault(ErrTruncated, "stream ends before its trailer")
	}
	if b.content, err = b.decode(nil); err != nil {
		return nil, offset, err
	}
	b.Frame = nil // it moves with the buffer of the scanner
	return b, offset + labelSize + int64(l.FrameLen), nil
}

// window is more than a block can take.
const window = maxContent + maxContent>>8 + 1<<20
