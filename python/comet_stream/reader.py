"""The reader: records one after the other, or experiments with what they hold."""

import builtins
import io
import os
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Union

from .blocks import OUTSIDE, UNKNOWN_BIT, BlockReader, Label
from .errors import Aborted, Corrupt, StreamError
from .grammar import Grammar
from .metrics import Metric
from .records import BITS, KNOWN_BITS, TEXTS, Record, unpack


def open(file: "Union[str, os.PathLike[str], BinaryIO]") -> "Reader":
    """Opens a stream: a path, or a binary file, which need not seek."""
    if isinstance(file, (str, os.PathLike)):
        return Reader(builtins.open(file, "rb"), close=True)
    return Reader(file)


class Reader:
    """Iterates over the records of one stream, or of several one behind the other, with all checks of FORMAT.md."""

    def __init__(self, file: BinaryIO, close: bool = False):
        self._file, self._close = file, close
        self._records = self._read()
        self._ahead: Optional[Record] = None
        self.header: Optional[Dict[str, Any]] = None
        self.plan: Optional[Dict[str, Any]] = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        if self._close:
            self._file.close()

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        record = self._ahead
        self._ahead = None
        return record or next(self._records)

    def _back(self, record: Record) -> None:
        self._ahead = record

    def _read(self) -> Iterator[Record]:
        grammar = Grammar()
        for label, content in BlockReader(self._file):
            if label.flags & 1:
                grammar = Grammar()
            try:
                records = _records_of(label, content)
                if bool(label.flags & OUTSIDE) != grammar.outside() and label.kinds != 1 << BITS["abort"]:
                    raise Corrupt("label lies about where its first record stands")
            except StreamError as e:
                raise type(e)(e.reason, label.sequence, label.offset) from None
            for record in records:
                try:
                    grammar.next(record)
                except StreamError as e:
                    raise type(e)(e.reason, grammar.n, label.offset) from None
                if record.kind == "abort":
                    raise Aborted(record.body["class"], record.body["message"], grammar.n)
                if record.kind == "header":
                    self.header = record.body
                elif record.kind == "plan":
                    self.plan = record.body
                yield record

    def experiments(self) -> Iterator["Experiment"]:
        """Iterates over the experiments. What one holds is good until the next is asked for."""
        for record in self:
            if record.kind == "experiment":
                experiment = Experiment(self, record.body)
                yield experiment
                experiment._drain()


def _records_of(label: Label, content: bytes) -> List[Record]:
    records = unpack(content)
    if len(records) != label.records:
        raise Corrupt(f"{len(records)} records, the label says {label.records}")
    kinds = 0
    for record in records:
        kinds |= 1 << BITS.get(record.kind, UNKNOWN_BIT)
        if record.kind == "header" and record.body["id"][:16] != label.stream.hex():
            raise Corrupt("header of another stream than its label says")
    unknown = label.kinds & ~KNOWN_BITS != 0
    if kinds & KNOWN_BITS != label.kinds & KNOWN_BITS or bool(kinds >> UNKNOWN_BIT) != unknown:
        raise Corrupt("label lies about the kinds of records")
    if bool(label.flags & 4) != (records[-1].kind in ("trailer", "abort")):
        raise Corrupt("label lies about the end of the stream")
    return records


class Experiment:
    """An experiment: its own record and all that stands before its assets."""

    def __init__(self, reader: Reader, body: Dict[str, Any]):
        self._reader = reader
        self._ended = False
        self._asset: Optional[Asset] = None
        self.body = body
        self.key: str = body["key"]
        self.name: Optional[str] = body["name"]
        self.workspace: str = body["workspace"]
        self.project: str = body["project"]
        self.start: Optional[int] = body["start"]
        self.end: Optional[int] = body["end"]
        self.tags: List[str] = body.get("tags", [])
        self.metadata: Optional[Dict[str, Any]] = body.get("doc")
        #: The elements of parameters and others as the server has them, minimum and maximum included.
        self.parameter_docs: List[Any] = []
        self.other_docs: List[Any] = []
        self.metrics: Dict[str, Metric] = {}
        self.texts: Dict[str, bytes] = {}
        self.system: Optional[Any] = None
        self.git: Optional[Any] = None
        self.installed: Optional[List[str]] = None
        self.skipped: List[Dict[str, Any]] = []
        self._read()

    @property
    def parameters(self) -> Dict[str, Any]:
        """Parameters by name, with their current values."""
        return _current(self.parameter_docs)

    @property
    def others(self) -> Dict[str, Any]:
        """Others by name, with their current values."""
        return _current(self.other_docs)

    def _read(self) -> None:
        going_on: List[bytes] = []
        for record in self._reader:
            body, kind = record.body, record.kind
            if kind in ("asset", "experiment-end"):
                self._reader._back(record)
                return
            if kind == "parameters":
                self.parameter_docs += body["values"]
            elif kind == "others":
                self.other_docs += body["values"]
            elif kind == "metrics":
                self.metrics.setdefault(body["name"], Metric(body["name"]))._bodies.append(body)
            elif kind in TEXTS:
                going_on.append(body["data"])
                if not body["more"]:
                    self.texts[kind], going_on = b"".join(going_on), []
            elif kind == "system":
                self.system = body["doc"]
            elif kind == "git":
                self.git = body["doc"]
            elif kind == "requirements":
                self.installed = (self.installed or []) + (body["installed"] or [])
            elif kind == "skipped":
                going_on = []
                self.skipped.append(body)

    def assets(self) -> Iterator["Asset"]:
        """Iterates over the assets that are left. Each is a file, good until the next is asked for."""
        while not self._ended:
            if self._asset is not None:
                self._asset._drain()
                self._asset = None
            record = next(self._reader)
            if record.kind == "experiment-end":
                self._ended = True
            elif record.kind == "skipped":
                self.skipped.append(record.body)
            elif record.kind == "asset":
                self._asset = Asset(self, record.body)
                yield self._asset

    def _drain(self) -> None:
        for _ in self.assets():
            pass


def _current(docs: List[Any]) -> Dict[str, Any]:
    return {doc["name"]: doc.get("valueCurrent") for doc in docs if isinstance(doc, dict) and isinstance(doc.get("name"), str)}


class Asset(io.RawIOBase):
    """The bytes of an asset, as a file that is read once from its beginning to its end."""

    def __init__(self, experiment: Experiment, body: Dict[str, Any]):
        self._experiment, self._rest, self._ended = experiment, b"", False
        self.body = body
        self.id: str = body["id"]
        self.asset_name: Optional[str] = body["name"]
        self.type: Optional[str] = body["type"]
        self.size: Optional[int] = body["size"]
        self.remote: Optional[str] = body["remote"]  # the link of a remote asset, which has no bytes
        #: True once it has shown that the source could not give all of it.
        self.incomplete = False

    @property
    def name(self) -> Optional[str]:
        return self.asset_name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and not self._ended:
            self._next()
        n = min(len(buffer), len(self._rest))
        buffer[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n

    def _next(self) -> None:
        record = next(self._experiment._reader)
        if record.kind == "chunk":
            self._rest = record.body["data"]
        elif record.kind == "asset-end":
            self._ended = True
        elif record.kind == "skipped":
            self._ended = self.incomplete = True
            self._experiment.skipped.append(record.body)

    def _drain(self) -> None:
        while not self._ended:
            self._next()
        self._rest = b""
