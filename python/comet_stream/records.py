"""Records: msgpack, and what FORMAT.md section 4 says of each kind."""

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import msgpack

from .errors import Corrupt, LimitExceeded

MAX_RECORD = 8 << 20
MAX_DATA = 512 << 10
MAX_DEPTH = 32
MAX_LIST = 65536
MAX_POINTS = 8192

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


class Literal:
    """A JSON number that neither an int nor a float gives back to the letter, such as 1.0 or 40 digits."""

    __slots__ = ("text",)

    def __init__(self, text: str):
        if not _NUMBER.match(text):
            raise ValueError(f"{text!r} is no JSON number")
        self.text = text

    def __float__(self) -> float:
        return float(self.text)

    def __repr__(self) -> str:
        return f"Literal({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass
class Record:
    """One record: its kind, its body, and the msgpack of both as it stands in the stream."""

    kind: str
    body: Dict[str, Any]
    data: bytes = b""


class _Pairs(dict):  # type: ignore[type-arg]
    """A map of which a key occurs twice."""


def _pairs(pairs: List[Tuple[Any, Any]]) -> Dict[Any, Any]:
    found = dict(pairs)
    for key in found:
        if type(key) is not str:
            raise Corrupt("key of a map is not a str")
    return _Pairs(found) if len(found) < len(pairs) else found


def _ext(code: int, data: bytes) -> Any:
    if code == 1:
        try:
            return Literal(data.decode())
        except ValueError:
            pass
    return msgpack.ExtType(code, data)


def unpack(content: bytes) -> List[Record]:
    """Returns the records of a block's content, each checked by itself."""
    unpacker = msgpack.Unpacker(
        raw=False, strict_map_key=False, object_pairs_hook=_pairs, ext_hook=_ext, max_buffer_size=max(len(content), 1))
    unpacker.feed(content)
    records, at = [], 0
    while at < len(content):
        if content[at] != 0x92:
            raise Corrupt("not a record: no array of two")
        try:
            value = unpacker.unpack()
        except msgpack.OutOfData:
            raise Corrupt("msgpack announces more than is there") from None
        except UnicodeDecodeError:
            raise Corrupt("text is not UTF-8") from None
        except (msgpack.StackError, RecursionError):
            raise LimitExceeded(f"nested deeper than {MAX_DEPTH} levels") from None
        except (msgpack.UnpackException, ValueError, TypeError) as e:
            raise Corrupt(f"msgpack: {e}") from None
        end = unpacker.tell()
        if depth(value) > MAX_DEPTH:
            raise LimitExceeded(f"nested deeper than {MAX_DEPTH} levels")
        record = Record(value[0], value[1], content[at:end])
        check(record)
        records.append(record)
        at = end
    return records


def pack(kind: str, body: Dict[str, Any]) -> Record:
    """Returns the record of a body, with the keys of all maps in order."""
    record = Record(kind, body, msgpack.packb([kind, _sorted(body)], use_bin_type=True, default=_default))
    check(record)
    return record


def _default(value: Any) -> Any:
    if isinstance(value, Literal):
        return msgpack.ExtType(1, value.text.encode())
    raise TypeError(f"a stream has no {type(value).__name__}")


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=lambda k: k.encode())}
    if isinstance(value, (list, tuple)):
        return [_sorted(v) for v in value]
    return value


def depth(value: Any) -> int:
    """Returns how deep arrays and maps are nested in a value."""
    level, n = [value], 0
    while level:
        below: List[Any] = []
        nested = False
        for v in level:
            if isinstance(v, dict):
                nested = True
                below.extend(v.values())
            elif isinstance(v, list):
                nested = True
                below.extend(v)
        if nested:
            n += 1
        level = [v for v in below if isinstance(v, (dict, list))]
        if level == [] and nested:
            return n
        if n > MAX_DEPTH:
            return n
    return n


# The keys of each kind: s str, b bool, i int, p pair of ints, d bytes, o document, S list of str, O list of
# documents, C counts, and maps of keys; ? = or null, * = may be absent, [] = list of. Bits are those of labels.
_SCHEMAS: Dict[str, Tuple[int, Dict[str, Any]]] = {
    "header": (0, {
        "created": "i", "format": "s", "id": "s", "parents": "S", "requires": "S",
        "scope": {"paths": "S", "resources": "S", "selection": "S*"}, "source": {"url": "s", "version": "s?"},
        "tool": "s", "version": "p"}),
    "plan": (1, {"projects": [{"experiments": "i?", "project": "s", "workspace": "s"}], "workspaces": "S"}),
    "project": (2, {"doc": "o*", "experiments": "i", "name": "s", "public": "b?*", "share_links": "i*", "workspace": "s"}),
    "experiment": (3, {
        "archived": "b", "crashed": "b?", "doc": "o*", "end": "i?", "key": "s", "name": "s?", "project": "s",
        "running": "b", "start": "i?", "tags": "S*", "workspace": "s"}),
    "parameters": (4, {"values": "O"}),
    "others": (5, {"values": "O"}),
    "metrics": (6, {"context": "x", "epoch": "x", "extra": "x*", "n": "i", "name": "s", "step": "x", "time": "x", "value": "x"}),
    "system": (7, {"doc": "o"}),
    "requirements": (8, {"installed": "S?", "os": "S?"}),
    "code": (9, {"data": "d", "more": "b"}),
    "output": (10, {"data": "d", "more": "b"}),
    "graph": (11, {"data": "d", "more": "b"}),
    "html": (12, {"data": "d", "more": "b"}),
    "git": (13, {"doc": "o"}),
    "git-patch": (14, {"data": "d", "more": "b"}),
    "asset": (15, {"doc": "o", "id": "s", "name": "s?", "remote": "s?", "size": "i?", "type": "s?"}),
    "chunk": (16, {"data": "d"}),
    "asset-end": (17, {"sha256": "s", "size": "i"}),
    "experiment-end": (18, {"asset_bytes": "i", "counts": "C", "key": "s", "points": "i", "skipped": "i"}),
    "skipped": (19, {
        "experiment": "s?", "id": "s?", "kind": "s", "name": "s?", "passing": "b", "project": "s*", "reason": "s",
        "status": "i", "workspace": "s*"}),
    "notes": (20, {"data": "d", "more": "b", "project": "s", "workspace": "s"}),
    "link": (21, {"experiment": "s", "project": "s", "workspace": "s"}),
    "artifact": (22, {"doc": "o", "id": "s", "name": "s", "project": "s", "type": "s", "workspace": "s"}),
    "artifact-version": (23, {
        "alias": "S", "doc": "o", "experiment": "s?", "id": "s", "state": "s?", "tags": "S", "version": "s"}),
    "artifact-end": (24, {"asset_bytes": "i", "counts": "C", "id": "s", "skipped": "i"}),
    "lineage": (25, {"artifact": "s", "doc": "o*", "experiment": "s", "version": "s", "workspace": "s"}),
    "model": (26, {"doc": "o", "id": "s", "name": "s", "notes": "s?", "workspace": "s"}),
    "model-version": (27, {
        "doc": "o", "experiment": "s?", "id": "s", "metadata": "O?", "model": "s?", "stages": "S", "status": "s?",
        "status_configuration": "o*", "version": "s"}),
    "model-end": (28, {"counts": "C", "id": "s", "skipped": "i"}),
    "panel": (29, {
        "data": "d", "doc": "o", "id": "s", "more": "b", "name": "s", "project": "s*", "workspace": "s"}),
    "view": (30, {
        "chart_template": "b*", "doc": "o", "experiment": "s?", "name": "s", "project": "s", "workspace": "s"}),
    "trailer": (61, {
        "asset_bytes": "i", "counts": "C", "experiments": "i", "points": "i", "projects": "i", "skipped": "i"}),
    "abort": (62, {"class": "s", "last": "s?", "message": "s"}),
}

BITS = {kind: bit for kind, (bit, _) in _SCHEMAS.items()}
KNOWN_BITS = sum(1 << bit for bit in BITS.values())
# The items of an experiment in their order, those that may come again behind themselves, and those that are texts.
RANKS = {kind: n for n, kind in enumerate((
    "parameters", "others", "system", "requirements", "git", "git-patch", "code", "graph", "html", "output", "metrics", "asset"))}
REPEATS = {"parameters", "others", "requirements", "metrics", "asset"}
TEXTS = {kind for kind in RANKS if _SCHEMAS[kind][1].keys() == {"data", "more"}}


def check(record: Record) -> None:
    """Checks a record by itself."""
    kind = record.kind
    if not isinstance(kind, str):
        raise Corrupt("not a record: its kind is not a str")
    if not 1 <= len(kind.encode()) <= 64:
        raise LimitExceeded(f"kind of {len(kind.encode())} bytes")
    if not isinstance(record.body, dict):
        raise Corrupt("not a record: no map where one belongs")
    if len(record.data) > MAX_RECORD:
        raise LimitExceeded(f"record of more than {MAX_RECORD} bytes")
    if kind not in _SCHEMAS:
        return
    _check_map(record.body, _SCHEMAS[kind][1])
    if kind == "experiment" and not 1 <= len(record.body["key"].encode()) <= 64:
        raise LimitExceeded(f"experiment key of {len(record.body['key'].encode())} bytes")
    if kind == "chunk" and not record.body["data"]:
        raise Corrupt("chunk without data")
    if kind == "metrics":
        _check_metrics(record.body)


def _check_map(body: Any, keys: Dict[str, Any]) -> None:
    if not isinstance(body, dict):
        raise Corrupt("not a record: no map where one belongs")
    if isinstance(body, _Pairs):
        raise Corrupt("a key occurs twice")
    for key, spec in keys.items():
        if key not in body:
            if not (isinstance(spec, str) and "*" in spec):
                raise Corrupt(f"key {key!r} is missing")
            continue
        value = body[key]
        if isinstance(spec, dict):
            _check_map(value, spec)
        elif isinstance(spec, list):
            for element in _a_list(key, value):
                _check_map(element, spec[0])
        elif not (value is None and ("?" in spec or spec[0] in "ox")):
            _check_value(key, value, spec[0])


def _a_list(key: str, value: Any) -> List[Any]:
    if not isinstance(value, list):
        raise Corrupt(f"value of key {key!r} is of another type")
    if len(value) > MAX_LIST:
        raise LimitExceeded(f"list {key!r} of {len(value)} elements, more than {MAX_LIST}")
    return value


def _is_int(value: Any) -> bool:
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def _check_value(key: str, value: Any, spec: str) -> None:
    good = True
    if spec == "s":
        good = isinstance(value, str)
    elif spec == "b":
        good = isinstance(value, bool)
    elif spec == "i":
        good = _is_int(value)
    elif spec == "d":
        good = isinstance(value, bytes)
        if good and len(value) > MAX_DATA:
            raise LimitExceeded(f"{key} of {len(value)} bytes, more than {MAX_DATA}")
    elif spec == "o":
        good = not isinstance(value, bytes)
    elif spec == "p":
        good = isinstance(value, list) and len(value) == 2 and all(map(_is_int, value))
    elif spec == "S":
        good = all(isinstance(v, str) for v in _a_list(key, value))
    elif spec == "O":
        good = not any(isinstance(v, bytes) for v in _a_list(key, value))
    elif spec == "C":
        good = isinstance(value, dict) and all(map(_is_int, value.values()))
        if good and len(value) > MAX_LIST:
            raise LimitExceeded(f"list {key!r} of {len(value)} elements, more than {MAX_LIST}")
    if not good:
        raise Corrupt(f"value of key {key!r} is of another type")


def _check_metrics(body: Dict[str, Any]) -> None:
    n = body["n"]
    if not 1 <= n <= MAX_POINTS:
        raise LimitExceeded(f"{n} points in one record")

    def column(value: Any, element: Any) -> None:
        if not isinstance(value, list):
            raise Corrupt("value of a column is of another type")
        if len(value) != n:
            raise Corrupt(f"{n} points, and columns of {len(value)}")
        if not all(map(element, value)):
            raise Corrupt("value in a column is of another type")

    column(body["value"], lambda v: v is None or isinstance(v, (bool, float, str)) or _is_int(v))
    if "extra" in body:
        column(body["extra"], lambda v: v is None or isinstance(v, dict))
    for key in ("time", "step", "epoch"):
        flagged = body[key]
        if flagged is None:
            continue
        if not isinstance(flagged, list) or len(flagged) != 2 or flagged[0] not in (0, 1):
            raise Corrupt(f"value of key {key!r} is of another type")
        column(flagged[1], _is_int if flagged[0] == 0 else lambda v: v is None or _is_int(v))
    context = body["context"]
    if context is not None and not isinstance(context, str):
        if not isinstance(context, list) or len(context) != 2 or not isinstance(context[0], list):
            raise Corrupt("value of key 'context' is of another type")
        if not all(v is None or isinstance(v, str) for v in context[0]):
            raise Corrupt("value in a column is of another type")
        column(context[1], lambda v: _is_int(v) and 0 <= v < len(context[0]))

