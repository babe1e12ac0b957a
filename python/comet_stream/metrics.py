"""Metric points by column: FORMAT.md section 5."""

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from .records import MAX_POINTS, Literal

if TYPE_CHECKING:
    import numpy
    import pandas

Value = Union[int, float, str, bool, None]


class Point(NamedTuple):
    """One entry of a metric. The value is as the server gave it: a number, or the text of one."""

    value: Value
    time: Optional[int] = None  # ms since the epoch
    step: Optional[int] = None
    epoch: Optional[int] = None
    context: Optional[str] = None
    extra: Optional[Dict[str, Any]] = None


class Metric:
    """The points of one metric of an experiment, in columns that are made when they are asked for."""

    def __init__(self, name: str):
        self.name = name
        self._bodies: List[Dict[str, Any]] = []

    def __len__(self) -> int:
        return sum(body["n"] for body in self._bodies)

    def __iter__(self) -> Iterator[Point]:
        for body in self._bodies:
            n = body["n"]
            yield from map(Point, body["value"], unpack_ints(body["time"], n), unpack_ints(body["step"], n),
                           unpack_ints(body["epoch"], n), unpack_context(body["context"], n), body.get("extra") or [None] * n)

    def columns(self) -> Dict[str, List[Any]]:
        """Returns plain lists: value, time, step, epoch and context, one element a point."""
        found: Dict[str, List[Any]] = {name: [] for name in ("value", "time", "step", "epoch", "context")}
        for body in self._bodies:
            found["value"] += body["value"]
            for name in ("time", "step", "epoch"):
                found[name] += unpack_ints(body[name], body["n"])
            found["context"] += unpack_context(body["context"], body["n"])
        return found

    def to_numpy(self) -> "Dict[str, numpy.ma.MaskedArray[Any, Any]]":
        """Returns masked arrays: value as float64, time, step and epoch as int64, absent ones masked."""
        import numpy

        columns = self.columns()
        found = {"value": numpy.ma.masked_array(
            [math.nan if v is None else as_float(v) for v in columns["value"]], [v is None for v in columns["value"]], dtype="float64")}
        for name in ("time", "step", "epoch"):
            found[name] = numpy.ma.masked_array(
                [v or 0 for v in columns[name]], [v is None for v in columns[name]], dtype="int64")
        return found

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns a frame: value (float64), time (UTC), step, epoch (Int64), context (category)."""
        import pandas

        columns = self.columns()
        return pandas.DataFrame({
            "value": pandas.Series([math.nan if v is None else as_float(v) for v in columns["value"]], dtype="float64"),
            "time": pandas.to_datetime(pandas.Series(columns["time"], dtype="Int64"), unit="ms", utc=True),
            "step": pandas.Series(columns["step"], dtype="Int64"),
            "epoch": pandas.Series(columns["epoch"], dtype="Int64"),
            "context": pandas.Series(columns["context"], dtype="object").astype("category"),
        })


def as_float(value: Any) -> float:
    """Returns the number nearest to a value, NaN for a text that is none."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def unpack_ints(column: Any, n: int) -> List[Optional[int]]:
    if column is None:
        return [None] * n
    flag, values = column
    if flag == 1:
        return list(values)
    found: List[Optional[int]] = []
    at = 0
    for difference in values:
        at = (at + difference + (1 << 63)) % (1 << 64) - (1 << 63)
        found.append(at)
    return found


def unpack_context(column: Any, n: int) -> List[Optional[str]]:
    if column is None or isinstance(column, str):
        return [column] * n
    names, indexes = column
    return [names[i] for i in indexes]


def pack_ints(values: Sequence[Optional[int]]) -> Any:
    if all(v is None for v in values):
        return None
    if any(v is None for v in values):
        return [1, list(values)]
    found, before = [], 0
    for v in values:
        found.append((v - before + (1 << 63)) % (1 << 64) - (1 << 63))  # type: ignore[operator]
        before = v  # type: ignore[assignment]
    return [0, found]


def pack_context(values: Sequence[Optional[str]]) -> Any:
    names = list(dict.fromkeys(values))
    if len(names) == 1:
        return names[0]
    at = {name: i for i, name in enumerate(names)}
    return [names, [at[v] for v in values]]


def pack_value(value: Any) -> Value:
    """Returns a value as the format has it: an int or float where its text is canonical, else the text."""
    if isinstance(value, Literal):
        return canonical(value.text)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return canonical(value)
    if hasattr(value, "item"):
        value = value.item()  # of NumPy
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else str(value)
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == int(number) and abs(number) < 1 << 53:
        return "-0" if math.copysign(1, number) < 0 and number == 0 else int(number)
    return number


def canonical(text: str) -> Value:
    """Returns the int or float whose text this is as encoding/json of Go prints it, else the text."""
    try:
        if str(int(text)) == text and -(1 << 63) <= int(text) < 1 << 63:
            return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and go_text(number) == text else text


def go_text(number: float) -> str:
    if number == 0:
        return "-0" if math.copysign(1, number) < 0 else "0"
    if 1e-6 <= abs(number) < 1e21:
        return format(Decimal(repr(number)), "f").removesuffix(".0")
    mantissa, _, exponent = repr(number).partition("e")
    if not exponent:
        mantissa, _, exponent = format(Decimal(repr(number)).normalize(), "e").partition("e")
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{int(exponent):+d}"


def pack_metric(name: str, points: Sequence[Point]) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Yields the records of a metric, its points in the order (time, step), absent ones first."""
    ordered = sorted(points, key=lambda p: (p.time is not None, p.time or 0, p.step is not None, p.step or 0))
    for start in range(0, len(ordered), MAX_POINTS):
        part = ordered[start:start + MAX_POINTS]
        body: Dict[str, Any] = {
            "name": name, "n": len(part), "value": [pack_value(p.value) for p in part],
            "time": pack_ints([p.time for p in part]), "step": pack_ints([p.step for p in part]),
            "epoch": pack_ints([p.epoch for p in part]), "context": pack_context([p.context for p in part]),
        }
        if any(p.extra for p in part):
            body["extra"] = [p.extra for p in part]
        yield "metrics", body
