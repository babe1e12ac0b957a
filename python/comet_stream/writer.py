"""The writer: a stream that ``comet-filter --check`` accepts and ``comet-import`` takes."""

import builtins
import hashlib
import os
import secrets
import time
from typing import Any, BinaryIO, Dict, Iterable, List, Optional, Sequence, Union

from .blocks import FIRST, LAST, MAX_CONTENT, MAX_RECORDS, OUTSIDE, UNKNOWN_BIT, Label, compress
from .grammar import Grammar
from .metrics import Point, pack_metric
from .records import BITS, MAX_DATA, MAX_RECORD, Record, pack
from crc32c import crc32c


def create(file: "Union[str, os.PathLike[str], BinaryIO]", **header: Any) -> "Writer":
    """Creates a stream: a path, or a binary file. The other arguments are those of Writer."""
    if isinstance(file, (str, os.PathLike)):
        return Writer(builtins.open(file, "wb"), close=True, **header)
    return Writer(file, **header)


class Writer:
    """Writes one stream. Use it as a context: its end writes the trailer, an exception an abort.

    ``source`` is the address of the instance that the experiments come from, without a path. ``plan`` lists the
    projects to come, as (workspace, project, number of experiments or None), where that is known.
    """

    def __init__(self, file: BinaryIO, *, source: str = "", tool: str = "comet_stream", paths: Sequence[str] = (),
                 plan: Iterable[Any] = (), level: int = 3, close: bool = False, created: Optional[int] = None):
        self._file, self._close, self._level = file, close, level
        self._grammar = Grammar()
        self._block: List[bytes] = []
        self._size = self._kinds = 0
        self._outside, self._first = True, 0
        self._id = secrets.token_hex(16)
        self.write("header", {
            "created": int(time.time() * 1000) if created is None else created, "format": "comet-stream", "id": self._id, "parents": [], "requires": [],
            "scope": {"paths": list(paths), "resources": []}, "source": {"url": source, "version": None},
            "tool": tool, "version": [1, 0]})
        self.write("plan", {
            "projects": [{"workspace": w, "project": p, "experiments": n} for w, p, n in plan], "workspaces": []})

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: Any, error: Any, _: Any) -> None:
        if kind is None:
            self.end()
        else:
            self.abort(f"{kind.__name__}: {error}")

    def write(self, kind: str, body: Dict[str, Any]) -> None:
        """Writes one record. Its keys are those of FORMAT.md, section 4, in any order."""
        self.write_record(pack(kind, body))

    def write_record(self, record: Record) -> None:
        """Writes a record as another stream has it."""
        outside, number = self._grammar.outside(), self._grammar.n
        self._grammar.next(record)
        limit = min(1 << 20, MAX_CONTENT - MAX_RECORD)
        if self._block and (self._size + len(record.data) > limit or len(self._block) == MAX_RECORDS):
            self._flush()
        if not self._block:
            self._outside, self._first = outside, number
        self._block.append(record.data)
        self._size += len(record.data)
        self._kinds |= 1 << BITS.get(record.kind, UNKNOWN_BIT)
        if record.kind in ("header", "plan", "trailer", "abort"):
            self._flush()

    def _flush(self) -> None:
        if not self._block:
            return
        content = b"".join(self._block)
        frame = compress(content, self._level)
        flags = (FIRST if self._first == 0 else 0) | (OUTSIDE if self._outside else 0)
        if self._kinds & (3 << 61):
            flags |= LAST
        label = Label(flags, len(self._block), self._first, self._kinds, bytes.fromhex(self._id)[:8],
                      len(frame), len(content), crc32c(frame))
        self._file.write(label.pack() + frame)
        self._block, self._size, self._kinds = [], 0, 0

    def project(self, workspace: str, name: str, *, experiments: int = 0, description: Optional[str] = None,
                public: Optional[bool] = None) -> None:
        """Begins a project: the experiments that follow are its."""
        doc: Dict[str, Any] = {"workspaceName": workspace, "projectName": name}
        if description is not None:
            doc["projectDescription"] = description
        self.write("project", {"workspace": workspace, "name": name, "experiments": experiments, "doc": doc, "public": public})

    def experiment(self, key: str, *, name: Optional[str] = None, start: Optional[int] = None, end: Optional[int] = None,
                   tags: Sequence[str] = (), archived: bool = False, crashed: Optional[bool] = None,
                   metadata: Optional[Dict[str, Any]] = None) -> "ExperimentWriter":
        """Begins an experiment of the project. Times are in ms since the epoch."""
        if self._grammar.project is None:
            raise ValueError("an experiment before its project")
        workspace, project = self._grammar.project
        self.write("experiment", {
            "key": key, "workspace": workspace, "project": project, "name": name, "start": start, "end": end,
            "running": False, "crashed": crashed, "archived": archived, "tags": list(tags), "doc": dict(metadata or {})})
        return ExperimentWriter(self, start)

    def notes(self, text: str) -> None:
        """Writes the notes of the project, behind its experiments."""
        workspace, project = self._grammar.project or ("", "")
        self._pieces("notes", text.encode(), {"workspace": workspace, "project": project})

    def _pieces(self, kind: str, data: bytes, more: Optional[Dict[str, Any]] = None) -> None:
        pieces = [data[i:i + MAX_DATA] for i in range(0, len(data), MAX_DATA)] or [b""]
        for i, piece in enumerate(pieces):
            self.write(kind, {"data": piece, "more": i + 1 < len(pieces), **(more or {})})

    def end(self) -> None:
        """Writes the trailer. Without it the stream is truncated."""
        if self._grammar.stage != "done":
            self.write("trailer", self._grammar.total.end("trailer"))
        self._finish()

    def abort(self, message: str, kind: str = "error") -> None:
        """Ends the stream as failed."""
        if self._grammar.stage != "done":
            self._flush()
            self.write("abort", {"class": kind, "last": self._grammar.last_whole, "message": message})
        self._finish()

    def _finish(self) -> None:
        self._flush()
        if self._close:
            self._file.close()
        else:
            self._file.flush()


class ExperimentWriter:
    """What an experiment holds, in the order of the format: parameters, others, …, metrics, assets."""

    def __init__(self, writer: Writer, start: Optional[int] = None):
        self._w, self._start = writer, start

    def __enter__(self) -> "ExperimentWriter":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            self.end()

    def parameters(self, values: Dict[str, Any], time: Optional[int] = None) -> None:
        """Writes parameters by name, logged at a time: that of the start if none is given.

        A value that is a dict is taken for the server's own element.
        """
        self._values("parameters", values, time)

    def others(self, values: Dict[str, Any], time: Optional[int] = None) -> None:
        """Writes others by name."""
        self._values("others", values, time)

    def _values(self, kind: str, values: Dict[str, Any], at: Optional[int]) -> None:
        docs = [value(name, values[name], self._start if at is None else at) for name in sorted(values)]
        for i in range(0, len(docs), 1000):
            self._w.write(kind, {"values": docs[i:i + 1000]})

    def document(self, kind: str, doc: Any) -> None:
        """Writes the ``system`` or ``git`` document."""
        self._w.write(kind, {"doc": doc})

    def requirements(self, installed: Optional[Sequence[str]], os_packages: Optional[Sequence[str]] = None) -> None:
        """Writes the installed packages."""
        self._w.write("requirements", {
            "installed": None if installed is None else list(installed), "os": None if os_packages is None else list(os_packages)})

    def text(self, kind: str, text: Union[str, bytes]) -> None:
        """Writes ``code``, ``output``, ``graph``, ``html`` or ``git-patch``."""
        self._w._pieces(kind, text.encode() if isinstance(text, str) else text)

    def metric(self, name: str, points: Optional[Iterable[Point]] = None, *, values: Sequence[Any] = (),
               times: Optional[Sequence[Optional[int]]] = None, steps: Optional[Sequence[Optional[int]]] = None,
               epochs: Optional[Sequence[Optional[int]]] = None, context: Optional[str] = None) -> None:
        """Writes one metric, from points or from columns. Metrics come in the order of their names."""
        if points is None:
            none: List[Optional[int]] = [None] * len(values)
            points = [Point(v, t, s, e, context) for v, t, s, e in zip(values, times or none, steps or none, epochs or none)]
        for kind, body in pack_metric(name, list(points)):
            self._w.write(kind, body)

    def asset(self, name: Optional[str], data: Union[bytes, BinaryIO, None], *, id: Optional[str] = None,
              type: Optional[str] = "asset", remote: Optional[str] = None, doc: Optional[Dict[str, Any]] = None,
              size: Optional[int] = None) -> None:
        """Writes an asset: bytes, a file, or with ``remote`` a link. Without an id it gets one made of key and name."""
        if id is None:
            id = hashlib.sha256(f"{self._w._grammar.group_id}/{name}".encode()).hexdigest()[:32]
        if isinstance(data, bytes):
            size = len(data)
        elif size is None and data is not None and data.seekable():
            at = data.tell()
            size = data.seek(0, os.SEEK_END) - at
            data.seek(at)
        self._w.write("asset", {
            "id": id, "name": name, "type": type, "size": 0 if remote else size, "remote": remote,
            "doc": dict(doc) if doc is not None else {
                "assetId": id, "fileName": name, "type": type, **({"link": remote, "remote": True} if remote else {})}})
        if data is not None and not remote:
            self._chunks(data)
        self._w.write("asset-end", {"sha256": self._w._grammar.hash.hexdigest(), "size": self._w._grammar.size})

    def _chunks(self, data: Union[bytes, BinaryIO]) -> None:
        if isinstance(data, bytes):
            for i in range(0, len(data), MAX_DATA):
                self._w.write("chunk", {"data": data[i:i + MAX_DATA]})
            return
        while True:
            piece = data.read(MAX_DATA)
            if not piece:
                return
            self._w.write("chunk", {"data": bytes(piece)})

    def skipped(self, kind: str, reason: str, *, name: Optional[str] = None, id: Optional[str] = None) -> None:
        """Says that the source has something that the stream has not."""
        self._w.write("skipped", {
            "experiment": self._w._grammar.group_id, "id": id, "kind": kind, "name": name, "passing": False,
            "reason": reason, "status": 0})

    def end(self) -> None:
        """Ends the experiment."""
        g = self._w._grammar
        self._w.write("experiment-end", {**g.sum.end("experiment-end"), "key": g.group_id})


def value(name: str, given: Any, at: Optional[int] = None) -> Dict[str, Any]:
    """Returns a parameter or other as the server would give it."""
    if isinstance(given, dict):
        return {**given, "name": name}
    text = given if isinstance(given, str) else str(given)
    doc: Dict[str, Any] = {"name": name, "valueCurrent": text, "valueMin": text, "valueMax": text}
    if at is not None:
        doc.update(timestampCurrent=at, timestampMin=at, timestampMax=at)
    return doc
