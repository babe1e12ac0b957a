package stream

import "encoding/binary"

const frameMagic = 0xFD2FB528

// The largest content of one zstd block.
const zstdBlockMax = 128 << 10

// checkFrame checks that b is exactly one zstd frame as the format has it: single
// segment, with a content size that is the one announced, with a checksum, and
// without a dictionary. It walks over the zstd blocks and decodes none, so that
// what follows can be bounded by what the frame says of itself.
func checkFrame(b []byte, content int) error {
	const (
		dictionary    = 3
		checksum      = 1 << 2
		reserved      = 1 << 3
		singleSegment = 1 << 5
	)
	if len(b) < 6 || binary.LittleEndian.Uint32(b) != frameMagic {
		return fault(ErrCorrupt, "no zstd frame where one belongs")
	}
	descriptor := b[4]
	if descriptor&dictionary != 0 || descriptor&checksum == 0 || descriptor&reserved != 0 || descriptor&singleSegment == 0 {
		return fault(ErrCorrupt, "zstd frame that is not single segment, with checksum, without dictionary")
	}
	sizeLen := 1 << (descriptor >> 6)
	if len(b) < 5+sizeLen {
		return fault(ErrCorrupt, "zstd frame that ends in its header")
	}
	var size uint64
	switch p := b[5:]; sizeLen {
	case 1:
		size = uint64(p[0])
	case 2:
		size = uint64(binary.LittleEndian.Uint16(p)) + 256
	case 4:
		size = uint64(binary.LittleEndian.Uint32(p))
	default:
		size = binary.LittleEndian.Uint64(p)
	}
	if size != uint64(content) {
		return fault(ErrCorrupt, "zstd frame of %d bytes of content, its label says %d", size, content)
	}
	return checkZstdBlocks(b[5+sizeLen:])
}

// checkZstdBlocks walks over the blocks of a frame and the checksum after them.
func checkZstdBlocks(b []byte) error {
	for last := false; !last; {
		if len(b) < 3 {
			return fault(ErrCorrupt, "zstd frame that ends too early")
		}
		head := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
		last = head&1 != 0
		size := int(head >> 3)
		if size > zstdBlockMax {
			return fault(ErrCorrupt, "zstd block of %d bytes", size)
		}
		switch head >> 1 & 3 {
		case 1: // one byte that repeats
			size = 1
		case 3:
			return fault(ErrCorrupt, "zstd block of an unknown type")
		}
		if b = b[3:]; size > len(b) {
			return fault(ErrCorrupt, "zstd frame that ends too early")
		}
		b = b[size:]
	}
	if len(b) != 4 {
		return fault(ErrCorrupt, "zstd frame of another length than its label says")
	}
	return nil
}
