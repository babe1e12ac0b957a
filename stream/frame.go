package stream

import "github.com/klauspost/compress/zstd"

// The largest content of one zstd block.
const zstdBlockMax = 128 << 10

// checkFrame checks that b is exactly one zstd frame as the format has it: single
// segment, with a content size that is the one announced, with a checksum, and
// without a dictionary. It walks over the zstd blocks and decodes none, so that
// what follows can be bounded by what the frame says of itself.
func checkFrame(b []byte, content int) error {
	const dictionary = 3 // a field for its id, 0 or not
	var h zstd.Header
	switch err := h.Decode(b); {
	case err != nil:
		return fault(ErrCorrupt, "frame: %v", err)
	case h.Skippable:
		return fault(ErrCorrupt, "no zstd frame where one belongs")
	case !h.SingleSegment || !h.HasCheckSum || b[4]&dictionary != 0:
		return fault(ErrCorrupt, "zstd frame that is not single segment, with checksum, without dictionary")
	case h.FrameContentSize != uint64(content):
		return fault(ErrCorrupt, "zstd frame of %d bytes of content, its label says %d", h.FrameContentSize, content)
	}
	return checkZstdBlocks(b[h.HeaderSize:])
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
