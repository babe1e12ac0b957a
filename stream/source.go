package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/stream/internal/sniff"
)

const (
	skippableMagic = 0x184D2A50 // to 5F
	labelMagic     = 0x184D2A5C
	frameMagic     = 0xFD2FB528
)

// keepAlive is an empty skippable frame.
const keepAlive = "\x50\x2a\x4d\x18\x00\x00\x00\x00"

// A source reads blocks from an input, one after the other, and checks that each
// follows the one before it. It checks labels, and leaves the frames to others.
type source struct {
	r        io.Reader
	offset   int64
	started  bool    // the first label has been read
	inStream bool    // the last block of the stream has not been read
	sequence uint64  // number of the next record of the stream
	id       [8]byte // of the stream
	skipping bool    // the input has ended within a skippable frame
	single   bool    // one block is read, which may follow any
}

// next reads a block. At the end of the input it returns io.EOF where a stream
// has ended, else an ErrTruncated.
func (s *source) next(frame []byte) (*Block, error) {
	label, offset, err := s.label()
	if err != nil {
		return nil, err
	}
	l, err := parseLabel(label)
	if err == nil {
		err = s.follows(&l)
	}
	if err != nil {
		return nil, s.locate(err, offset)
	}
	b := &Block{Label: l, Offset: offset}
	if b.Frame, err = readFull(s.r, frame, int(l.FrameLen)); err != nil {
		return nil, s.locate(s.ioError(err), offset)
	}
	s.offset += int64(l.FrameLen)
	s.inStream, s.id, s.sequence = !l.Last, l.Stream, l.Sequence+uint64(l.Records)
	return b, nil
}

// follows checks that the block of that label may come next.
func (s *source) follows(l *Label) error {
	switch {
	case s.single:
		return nil
	case l.First && s.inStream:
		return fault(ErrCorrupt, "another stream begins before this one has ended")
	case !l.First && !s.inStream:
		return fault(ErrCorrupt, "block of no stream: it is not the first of one")
	case l.First:
		return nil
	case l.Stream != s.id:
		return fault(ErrCorrupt, "block of another stream")
	case l.Sequence != s.sequence:
		return fault(ErrCorrupt, "block begins with record %d where record %d belongs", l.Sequence, s.sequence)
	}
	return nil
}

// label reads up to the next label, over other skippable frames, and returns its
// 64 bytes and its offset.
func (s *source) label() ([]byte, int64, error) {
	var buf [labelSize]byte
	for {
		head, err := s.read(buf[:8])
		empty := err == io.EOF && len(head) == 0
		if !s.started && (empty || !bytes.HasPrefix([]byte(labelStart), head)) {
			return nil, 0, s.notStream(head)
		}
		if empty && !s.inStream {
			return nil, 0, io.EOF
		}
		offset := s.offset - int64(len(head))
		if err != nil {
			return nil, 0, s.locate(s.ioError(err), offset)
		}
		magic, size := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:])
		switch {
		case magic == labelMagic:
			rest, err := s.read(buf[8:])
			if !s.started && !bytes.HasPrefix(rest, []byte(syncMark)[:min(len(rest), 8)]) {
				return nil, 0, s.notStream(buf[:8+len(rest)])
			}
			s.started = true
			if err != nil {
				return nil, 0, s.locate(s.ioError(err), offset)
			}
			return buf[:], offset, nil
		case magic&^15 == skippableMagic:
			n, err := io.CopyN(io.Discard, s.r, int64(size))
			s.offset += n
			if err != nil {
				s.skipping = true
				return nil, 0, s.locate(s.ioError(err), offset)
			}
		case magic == frameMagic:
			return nil, 0, s.locate(fault(ErrCorrupt, "zstd frame without a label"), offset)
		default:
			return nil, 0, s.locate(fault(ErrCorrupt, "neither a block nor the end of the input"), offset)
		}
	}
}

// read reads len(p) bytes, or those that are left.
func (s *source) read(p []byte) ([]byte, error) {
	n, err := io.ReadFull(s.r, p)
	s.offset += int64(n)
	return p[:n], err
}

// ioError turns the end of the input into ErrTruncated, and says where another
// error has struck.
func (s *source) ioError(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault(ErrTruncated, "stream ends before its trailer")
	}
	return fmt.Errorf("read at byte %d: %w", s.offset, err)
}

func (s *source) locate(err error, offset int64) error {
	return locate(err, int64(s.sequence), "", offset)
}

// readFull reads n bytes into buf, or into a new slice where they do not fit. It
// allocates no more than twice what has come: a length is only a promise.
func readFull(r io.Reader, buf []byte, n int) ([]byte, error) {
	const step = 2 << 20
	buf = buf[:0]
	for len(buf) < n {
		have := len(buf)
		want := min(n, max(cap(buf), 2*have, step))
		if cap(buf) < want {
			buf = append(newBuffer(want), buf...)
		}
		got, err := io.ReadFull(r, buf[have:want])
		buf = buf[:have+got]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// notStream says what an input looks like that begins with head and is not a stream.
func (s *source) notStream(head []byte) error {
	// One call of Read: what does not come at once is not waited for.
	buf := make([]byte, sniff.Enough)
	n, _ := s.r.Read(buf[copy(buf, head):])
	e := fault(ErrNotStream, "not a comet stream: %s", sniff.Describe(buf[:len(head)+n]))
	e.Offset = 0
	return e
}
