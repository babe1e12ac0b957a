"""The order of records, and totals: FORMAT.md section 1."""

import hashlib
from collections import Counter
from typing import Any, Dict, Optional, Set

from .errors import GrammarError, LimitExceeded, UnknownVersion, Corrupt
from .records import BITS, RANKS, REPEATS, Record

GROUP_ENDS = {"experiment-end": "experiment", "artifact-end": "artifact", "model-end": "model"}
NOT_COUNTED = {"header", "plan", "trailer", "abort", "asset-end", *GROUP_ENDS}
REFERRING = {"confusion-matrix", "embeddings", "datagrid"}
WORKSPACE = {"link", "artifact", "lineage", "model", "panel", "view"}


class Totals:
    """Numbers of records."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.points = self.asset_bytes = 0

    def add(self, record: Record) -> None:
        if record.kind not in NOT_COUNTED:
            self.counts[record.kind] += 1
        if record.kind == "metrics":
            self.points += record.body["n"]
        elif record.kind == "chunk":
            self.asset_bytes += len(record.body["data"])

    def end(self, kind: str) -> Dict[str, Any]:
        """Returns what an end of that kind says."""
        body: Dict[str, Any] = {"counts": dict(self.counts), "skipped": self.counts["skipped"]}
        body["counts"] = {k: n for k, n in body["counts"].items() if n}
        if kind != "model-end":
            body["asset_bytes"] = self.asset_bytes
        if kind in ("experiment-end", "trailer"):
            body["points"] = self.points
        if kind == "trailer":
            body["experiments"], body["projects"] = self.counts["experiment"], self.counts["project"]
        return body

    def compare(self, kind: str, body: Dict[str, Any]) -> None:
        for key, number in self.end(kind).items():
            says = body[key]
            if key == "counts":
                says = {k: n for k, n in says.items() if n}
            if says != number:
                raise GrammarError(f"announces {key} {says}, there are {number}")


class Grammar:
    """Follows the records of one stream, and refuses those that may not come next."""

    def __init__(self) -> None:
        self.n = 0
        self.stage = "header"
        self.project: Optional[tuple] = None  # type: ignore[type-arg]
        self.noted = False
        self.group, self.group_id = "", ""
        self.open, self.open_id, self.remote = "", "", False
        self.size = 0
        self.hash = hashlib.sha256()
        self.rank, self.refers, self.version = -1, False, False
        self.keys: Set[str] = set()
        self.ids: Set[str] = set()
        self.total, self.sum = Totals(), Totals()
        self.last_whole: Optional[str] = None

    def outside(self) -> bool:
        return not self.group

    def next(self, r: Record) -> None:
        """Checks that a record may come next, and takes it."""
        self._check(r)
        self._take(r)
        self.n += 1

    def _check(self, r: Record) -> None:
        kind = r.kind
        if self.stage == "done":
            raise GrammarError("record after the end of the stream")
        if (self.stage == "header") != (kind == "header"):
            raise GrammarError("second header" if kind == "header" else "stream does not begin with its header")
        if kind not in BITS:
            unknown = [k for k in self.total.counts if k not in BITS]
            if len(unknown) >= 256 and kind not in unknown:
                raise LimitExceeded("more than 256 unknown kinds")
            return
        if kind == "header":
            return check_header(r.body)
        if kind == "abort":
            return
        if (self.stage == "plan") != (kind == "plan"):
            raise GrammarError("second plan" if kind == "plan" else "header is not followed by the plan")
        self._check_open(r)
        if kind in ("plan", "chunk", "skipped"):
            return
        if kind == "asset-end":
            self._check_asset_end(r.body)
        elif kind in ("project", "experiment", "notes"):
            self._check_project_level(r)
        elif kind in WORKSPACE:
            self._check_outside()
        elif kind in ("artifact-version", "model-version"):
            if self.group != kind.split("-")[0]:
                raise GrammarError(f"stands in no {kind.split('-')[0]}")
        elif kind in GROUP_ENDS:
            if self.group != GROUP_ENDS[kind]:
                raise GrammarError(f"stands in no {GROUP_ENDS[kind]}")
            key = r.body["key" if kind == "experiment-end" else "id"]
            if key != self.group_id:
                raise GrammarError(f"ends {key!r} where {self.group_id!r} is open")
            self.sum.compare(kind, r.body)
        elif kind == "trailer":
            self._check_outside()
            self.total.compare(kind, r.body)
        else:
            self._check_item(r)

    def _check_open(self, r: Record) -> None:
        if r.kind in ("chunk", "asset-end"):
            if self.open != "asset":
                raise GrammarError("no asset is open")
            if self.remote and r.kind == "chunk":
                raise GrammarError("chunk of a remote asset")
        elif not self.open or r.kind == "skipped":
            return
        elif self.open == "asset" or r.kind != self.open or r.kind == "panel" and r.body["id"] != self.open_id:
            raise GrammarError(f"{self.open} has not ended")

    def _check_outside(self) -> None:
        if self.group:
            raise GrammarError(f"{self.group} {self.group_id!r} has not ended")

    def _check_asset_end(self, body: Dict[str, Any]) -> None:
        if body["size"] != self.size:
            raise GrammarError(f"asset of {self.size} bytes, its end says {body['size']}")
        if body["sha256"] != self.hash.hexdigest():
            raise GrammarError(f"asset has SHA-256 {self.hash.hexdigest()}, its end says {body['sha256']!r}")

    def _check_project_level(self, r: Record) -> None:
        self._check_outside()
        if self.stage != "projects":
            raise GrammarError("comes after what belongs to the workspace")
        if r.kind == "project":
            return
        if self.project != (r.body["workspace"], r.body["project"]):
            raise GrammarError("is not of the project of the last project record")
        if r.kind == "notes" and self.noted and not self.open:
            raise GrammarError("notes of a project a second time")
        if r.kind == "experiment":
            if r.body["key"] in self.keys:
                raise GrammarError(f"experiment {r.body['key']!r} a second time")
            self.keys.add(r.body["key"])

    def _check_item(self, r: Record) -> None:
        rank = RANKS[r.kind]
        if r.kind == "asset" and self.group == "artifact":
            if not self.version:
                raise GrammarError("asset of no artifact version")
        elif self.group != "experiment":
            raise GrammarError("stands in no experiment")
        elif rank < self.rank:
            raise GrammarError("comes too late in its experiment")
        elif rank == self.rank and not self.open and r.kind not in REPEATS:
            raise GrammarError("a second time in its experiment")
        if r.kind != "asset":
            return
        if self.refers and self.group == "experiment" and r.body["type"] not in REFERRING:
            raise GrammarError("asset after those that refer to others")
        if r.body["id"] in self.ids:
            raise GrammarError(f"asset {r.body['id']!r} a second time")
        self.ids.add(r.body["id"])

    def _take(self, r: Record) -> None:
        kind = r.kind
        if kind in GROUP_ENDS:
            if kind == "experiment-end":
                self.last_whole = r.body["key"]
            self.group = self.group_id = self.open = ""
            return
        if kind in ("experiment", "artifact", "model"):
            self.group, self.group_id = kind, r.body["key" if kind == "experiment" else "id"]
            self.version, self.rank, self.refers, self.open = False, -1, False, ""
            self.sum, self.ids = Totals(), set()
        self.total.add(r)
        if self.group:
            self.sum.add(r)
        if kind == "header":
            self.stage = "plan"
        elif kind == "plan":
            self.stage = "projects"
        elif kind == "project":
            self.project, self.noted = (r.body["workspace"], r.body["name"]), False
        elif kind == "notes":
            self.noted = True
        elif kind in ("trailer", "abort"):
            self.stage = "done"
        elif kind == "artifact-version":
            self.version, self.ids = True, set()
        if kind in WORKSPACE:
            self.stage = "workspace"
        self._take_open(r)
        self.rank = RANKS.get(kind, self.rank)

    def _take_open(self, r: Record) -> None:
        if r.kind == "chunk":
            self.size += len(r.body["data"])
            self.hash.update(r.body["data"])
        elif r.kind == "asset":
            self.open, self.remote, self.size = "asset", r.body["remote"] is not None, 0
            self.hash = hashlib.sha256()
            self.refers = self.refers or r.body["type"] in REFERRING
        elif r.kind in BITS:
            self.open = r.kind if r.body.get("more") is True else ""
            self.open_id = r.body.get("id", "")


def check_header(body: Dict[str, Any]) -> None:
    """Checks what a reader must know of a header."""
    if body["format"] != "comet-stream":
        raise Corrupt(f"header of format {body['format']!r}")
    if body["version"][0] != 1:
        raise UnknownVersion(f"stream of version {body['version'][0]}, this reader knows version 1")
    if body["requires"]:
        raise UnknownVersion(f"stream requires {body['requires'][0]!r}, which this reader does not know")
    try:
        good = len(bytes.fromhex(body["id"])) == 16 and body["id"] == body["id"].lower() and len(body["id"]) == 32
    except ValueError:
        good = False
    if not good:
        raise Corrupt(f"stream id {body['id']!r} is not 32 hex digits")
