package stream

import (
	"encoding/binary"
	"hash/crc32"
)

// Sizes and marks of labels, FORMAT.md section 2.
const (
	labelSize  = 64 // with the head of the skippable frame
	labelTable = 8  // offset of the table in the label

	flagFirst   = 1
	flagOutside = 2
	flagLast    = 4

	majorVersion = 1
	minorVersion = 0
)

// labelStart is what every label begins with: the head of a skippable frame of 56
// bytes, and the sync mark.
const labelStart = "\x5c\x2a\x4d\x18\x38\x00\x00\x00" + syncMark

const syncMark = "\x89CMT\r\n\x1a\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Label announces a frame and says what is in it.
type Label struct {
	First      bool    // the block begins a stream
	Outside    bool    // its first record is outside any group
	Last       bool    // the block ends a stream
	Records    uint32  // number of records in the frame
	Sequence   uint64  // number of the first of them in the stream
	Kinds      KindSet // kinds in the frame
	Stream     [8]byte // first bytes of the stream id
	FrameLen   uint32
	ContentLen uint32 // of the frame, decompressed
	CRC        uint32 // CRC-32C of the frame
}

// append appends the 64 bytes of the label.
func (l *Label) append(b []byte) []byte {
	start := len(b)
	b = append(b, labelStart...)
	var flags byte
	if l.First {
		flags |= flagFirst
	}
	if l.Outside {
		flags |= flagOutside
	}
	if l.Last {
		flags |= flagLast
	}
	b = append(b, majorVersion, flags, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, l.Records)
	b = binary.LittleEndian.AppendUint64(b, l.Sequence)
	b = binary.LittleEndian.AppendUint64(b, uint64(l.Kinds))
	b = append(b, l.Stream[:]...)
	b = binary.LittleEndian.AppendUint32(b, l.FrameLen)
	b = binary.LittleEndian.AppendUint32(b, l.ContentLen)
	b = binary.LittleEndian.AppendUint32(b, l.CRC)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start+labelTable:], castagnoli))
}

// parseLabel reads the 64 bytes of a label and checks what can be checked of it
// alone.
func parseLabel(b []byte) (Label, error) {
	if string(b[:len(labelStart)]) != labelStart {
		return Label{}, fault(ErrCorrupt, "label without its mark")
	}
	t := b[labelTable:labelSize]
	if crc32.Checksum(t[:52], castagnoli) != binary.LittleEndian.Uint32(t[52:]) {
		return Label{}, fault(ErrCorrupt, "label: checksum mismatch")
	}
	if t[8] != majorVersion {
		return Label{}, fault(ErrVersion, "stream of version %d, this reader knows version %d", t[8], majorVersion)
	}
	l := Label{
		First:      t[9]&flagFirst != 0,
		Outside:    t[9]&flagOutside != 0,
		Last:       t[9]&flagLast != 0,
		Records:    binary.LittleEndian.Uint32(t[12:]),
		Sequence:   binary.LittleEndian.Uint64(t[16:]),
		Kinds:      KindSet(binary.LittleEndian.Uint64(t[24:])),
		Stream:     [8]byte(t[32:40]),
		FrameLen:   binary.LittleEndian.Uint32(t[40:]),
		ContentLen: binary.LittleEndian.Uint32(t[44:]),
		CRC:        binary.LittleEndian.Uint32(t[48:]),
	}
	if t[9]&^(flagFirst|flagOutside|flagLast) != 0 || t[10] != 0 || t[11] != 0 {
		return l, fault(ErrCorrupt, "label with unknown flags")
	}
	return l, l.check()
}

// check checks the label against the limits and against itself.
func (l *Label) check() error {
	switch {
	case l.ContentLen > maxContent:
		return fault(ErrLimit, "block of %d bytes of content, more than %d", l.ContentLen, maxContent)
	case l.FrameLen > maxFrame(int(l.ContentLen)):
		return fault(ErrLimit, "frame of %d bytes for %d bytes of content", l.FrameLen, l.ContentLen)
	case l.Records == 0 || l.Kinds == 0:
		return fault(ErrCorrupt, "label of a block without records")
	case l.Records > maxRecords:
		return fault(ErrLimit, "block of %d records, more than %d", l.Records, maxRecords)
	case l.First != (l.Sequence == 0) || l.First != l.Kinds.Has(KindHeader) || l.First && !l.Outside:
		return fault(ErrCorrupt, "label lies about the beginning of the stream")
	case l.Last != (l.Kinds.Has(KindTrailer) || l.Kinds.Has(KindAbort)):
		return fault(ErrCorrupt, "label lies about the end of the stream")
	case l.Sequence > 1<<62:
		return fault(ErrLimit, "sequence number %d", l.Sequence)
	}
	return nil
}

// maxFrame returns the length of the longest frame that holds so much content.
// Content that does not compress takes three bytes for each 128 KiB; more than
// this allows is padding.
func maxFrame(content int) uint32 {
	return uint32(content + content>>8 + 128)
}
