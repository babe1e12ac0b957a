"""What can be wrong with a stream: FORMAT.md, section 7."""

from typing import Optional


class StreamError(Exception):
    """A stream that cannot be read, or a record that cannot be written."""

    def __init__(self, reason: str, record: Optional[int] = None, offset: Optional[int] = None):
        self.reason, self.record, self.offset = reason, record, offset
        where = "" if record is None else f"record {record}" + ("" if offset is None else f" at byte {offset}") + ": "
        super().__init__(where + reason)


class NotStream(StreamError):
    """The input does not begin with a label."""


class Truncated(StreamError):
    """The input ends before a trailer. What was read until then is good."""


class Aborted(StreamError):
    """The writer of the stream has given up. What was read until then is good."""

    def __init__(self, kind: str, message: str, record: Optional[int] = None):
        super().__init__(f"stream was aborted by its writer: {kind}: {message}", record)
        self.abort_class, self.message = kind, message


class UnknownVersion(StreamError):
    """Another major version, or a feature that this reader does not know."""


class Corrupt(StreamError):
    """A checksum, length, sequence or frame that does not hold."""


class LimitExceeded(StreamError):
    """A limit of section 2 of FORMAT.md."""


class GrammarError(StreamError):
    """Records in a wrong order, or totals that do not hold."""
