"""Blocks: labels and frames, FORMAT.md section 2."""

import struct
from dataclasses import dataclass
from typing import BinaryIO, Iterator, Optional, Tuple

import zstandard
from crc32c import crc32c

from .errors import Corrupt, LimitExceeded, NotStream, StreamError, Truncated, UnknownVersion

MAX_CONTENT = 16 << 20
MAX_RECORDS = 65536
LABEL_START = b"\x5c\x2a\x4d\x18\x38\x00\x00\x00\x89CMT\r\n\x1a\n"
_TABLE = struct.Struct("<BBHIQQ8sIII")  # from the version to the CRC of the frame
FIRST, OUTSIDE, LAST = 1, 2, 4
UNKNOWN_BIT = 63


@dataclass
class Label:
    """What a label says of its block."""

    flags: int
    records: int
    sequence: int
    kinds: int
    stream: bytes
    frame_len: int
    content_len: int
    crc: int
    offset: int = 0

    def pack(self) -> bytes:
        table = LABEL_START[8:] + _TABLE.pack(
            1, self.flags, 0, self.records, self.sequence, self.kinds, self.stream, self.frame_len, self.content_len, self.crc)
        return LABEL_START[:8] + table + struct.pack("<I", crc32c(table))


def _parse(b: bytes, offset: int) -> Label:
    if crc32c(b[8:60]) != struct.unpack_from("<I", b, 60)[0]:
        raise Corrupt("label: checksum mismatch")
    version, flags, zero, *fields = _TABLE.unpack_from(b, 16)
    if version != 1:
        raise UnknownVersion(f"stream of version {version}, this reader knows version 1")
    label = Label(flags, *fields)
    label.offset = offset
    if flags & ~7 or zero:
        raise Corrupt("label with unknown flags")
    if label.content_len > MAX_CONTENT:
        raise LimitExceeded(f"block of {label.content_len} bytes of content, more than {MAX_CONTENT}")
    if label.frame_len > label.content_len + (label.content_len >> 8) + 128:
        raise LimitExceeded(f"frame of {label.frame_len} bytes for {label.content_len} bytes of content")
    if label.records == 0 or label.kinds == 0:
        raise Corrupt("label of a block without records")
    if label.records > MAX_RECORDS:
        raise LimitExceeded(f"block of {label.records} records, more than {MAX_RECORDS}")
    first = bool(flags & FIRST)
    if first != (label.sequence == 0) or first != bool(label.kinds & 1) or first and not flags & OUTSIDE:
        raise Corrupt("label lies about the beginning of the stream")
    if bool(flags & LAST) != bool(label.kinds & (3 << 61)):
        raise Corrupt("label lies about the end of the stream")
    return label


class BlockReader:
    """Iterates over the blocks of one or more streams: labels and decompressed contents."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._offset = 0
        self._started = self._in_stream = False
        self._sequence, self._id = 0, b""
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)

    def __iter__(self) -> Iterator[Tuple[Label, bytes]]:
        while True:
            block = self.next()
            if block is None:
                return
            yield block

    def next(self) -> Optional[Tuple[Label, bytes]]:
        """Returns the next block, None at the end of the input."""
        try:
            label = self._label()
            if label is None:
                return None
            self._follow(label)
            frame = self._read(label.frame_len)
            if len(frame) < label.frame_len:
                raise Truncated("stream ends before its trailer")
            content = self._decompress(label, frame)
        except StreamError as e:
            if e.record is None and not isinstance(e, NotStream):
                raise type(e)(e.reason, self._sequence, self._offset) from None
            raise
        self._in_stream, self._id = not label.flags & LAST, label.stream
        self._sequence = label.sequence + label.records
        return label, content

    def _read(self, n: int) -> bytes:
        parts = []
        while n > 0:
            part = self._file.read(min(n, 1 << 20))
            if not part:
                break
            parts.append(part)
            n -= len(part)
        data = b"".join(parts)
        self._offset += len(data)
        return data

    def _label(self) -> Optional[Label]:
        while True:
            offset = self._offset
            head = self._read(8)
            if not self._started and (len(head) == 0 or not LABEL_START.startswith(head)):
                raise NotStream("not a comet stream")
            if not head and not self._in_stream:
                return None
            if len(head) < 8:
                raise Truncated("stream ends before its trailer")
            magic, size = struct.unpack("<II", head)
            if magic == 0x184D2A5C:
                rest = self._read(56)
                if not self._started and not LABEL_START.startswith(head + rest[:8]):
                    raise NotStream("not a comet stream")
                self._started = True
                if len(rest) < 56:
                    raise Truncated("stream ends before its trailer")
                if not (head + rest).startswith(LABEL_START):
                    raise Corrupt("label without its mark")
                return _parse(head + rest, offset)
            if magic & ~15 == 0x184D2A50:
                while size > 0:
                    skipped = self._read(min(size, 1 << 20))
                    if not skipped:
                        raise Truncated("stream ends before its trailer")
                    size -= len(skipped)
            elif magic == 0xFD2FB528:
                raise Corrupt("zstd frame without a label")
            else:
                raise Corrupt("neither a block nor the end of the input")

    def _follow(self, label: Label) -> None:
        if label.flags & FIRST:
            if self._in_stream:
                raise Corrupt("another stream begins before this one has ended")
            self._sequence = 0
        elif not self._in_stream:
            raise Corrupt("block of no stream: it is not the first of one")
        elif label.stream != self._id:
            raise Corrupt("block of another stream")
        elif label.sequence != self._sequence:
            raise Corrupt(f"block begins with record {label.sequence} where record {self._sequence} belongs")

    def _decompress(self, label: Label, frame: bytes) -> bytes:
        if crc32c(frame) != label.crc:
            raise Corrupt("frame: checksum mismatch")
        if len(frame) < 6 or frame[:4] != b"\x28\xb5\x2f\xfd":
            raise Corrupt("no zstd frame where one belongs")
        if frame[4] & 3 or not frame[4] & 4 or not frame[4] & 0x20:
            raise Corrupt("zstd frame that is not single segment, with checksum, without dictionary")
        try:
            size = zstandard.get_frame_parameters(frame).content_size
            if size != label.content_len:
                raise Corrupt(f"zstd frame of {size} bytes of content, its label says {label.content_len}")
            content = self._decompressor.decompress(frame, max_output_size=label.content_len, allow_extra_data=False)
        except zstandard.ZstdError as e:
            raise Corrupt(f"frame: {e}") from None
        if len(content) != label.content_len:
            raise Corrupt(f"frame of {len(content)} bytes of content, its label says {label.content_len}")
        return content


def compress(content: bytes, level: int) -> bytes:
    """Returns one frame as the format wants it: a single segment, with size and checksum."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=len(content), window_log=max(10, min(24, (len(content) - 1).bit_length())),
        write_content_size=1, write_checksum=1, write_dict_id=0)
    return zstandard.ZstdCompressor(compression_params=parameters).compress(content)
