#!/usr/bin/env python3
"""Makes a stream of the zips that Comet's OfflineExperiment leaves.

    pip install ./python
    from_comet_offline.py -o runs.comet.zst .cometml-runs/*.zip
    comet-import -i runs.comet.zst newteam

Keys and asset ids are kept, so that a second import writes nothing. A zip that
`comet upload` refuses (of a run that was killed, without a workspace, under a key
that is taken) is taken as far as it goes, and what it lacks is said in the stream.
"""

import argparse
import hashlib
import io
import json
import math
import sys
import zipfile
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Tuple

import comet_stream
from comet_stream import Literal, Point

REFERRING = ("confusion-matrix", "embeddings", "datagrid")
SYSTEM = {
    "python_version": "pythonVersion", "python_version_verbose": "pythonVersionVerbose", "python_exe": "executable",
    "os_type": "osType", "os_release": "osRelease",
}


class Offline:
    """One zip: its experiment.json and what its messages say."""

    def __init__(self, name: str):
        self.name = name
        self.zip = zipfile.ZipFile(name)
        self.files = set(self.zip.namelist())
        self.meta: Dict[str, Any] = self._json("experiment.json") or {}
        self.key: str = self.meta.get("offline_id") or hashlib.sha256(name.encode()).hexdigest()[:32]
        self.lost: List[Tuple[str, str, str]] = []  # kind, name, reason
        self.parameters: Dict[str, Dict[str, Any]] = {}
        self.sent: Dict[Tuple[Any, Any, str], Dict[str, Any]] = {}
        self.others: Dict[str, Dict[str, Any]] = {}
        self.metrics: Dict[str, List[Point]] = {}
        self.texts: Dict[str, List[str]] = {}
        self.documents: Dict[str, Dict[str, Any]] = {}
        self.installed: Optional[List[str]] = None
        self.os_packages: Optional[List[str]] = None
        self.assets: Dict[str, Dict[str, Any]] = {}
        self.file_name: Optional[str] = None
        self.patch: Optional[bytes] = None
        self.last: Optional[int] = None
        for kind, payload in self._messages():
            try:
                self._take(kind, payload)
            except (KeyError, TypeError, AttributeError):
                self.lost.append(("experiment", str(kind), "the message is not of a form that is known"))
        self._settle()

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self.zip.read(name))
        except (KeyError, ValueError, zipfile.BadZipFile):
            return None

    def _messages(self) -> Iterator[Tuple[str, Dict[str, Any]]]:
        if "messages.json" not in self.files:
            self.lost.append(("experiment", "messages.json", "the zip has no messages"))
            return
        with self.zip.open("messages.json") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    message = json.loads(line, parse_float=Literal)
                    yield message["type"], message["payload"]
                except (ValueError, KeyError, TypeError):
                    self.lost.append(("experiment", f"message {number}", "the message is cut off or damaged"))

    def _take(self, kind: str, p: Dict[str, Any]) -> None:
        at = p.get("local_timestamp")
        if isinstance(at, int):
            self.last = max(self.last or 0, at)
        if kind == "ws_msg":  # one form for all, until 2023
            self._take_old(p, at)
        elif kind == "parameter_msg":
            self._parameter(p, at)
        elif kind == "metric_msg":
            m = p["metric"]
            self.metrics.setdefault(m["metricName"], []).append(
                Point(number(m["metricValue"]), at, whole(m.get("step")), whole(m.get("epoch")), p.get("context") or m.get("context")))
        elif kind == "log_other":
            self._other(p["key"], p["value"], at)
        elif kind in ("file_upload", "remote_file"):
            self._asset(p)
        elif kind == "system_details":
            self._system(p)
        elif kind == "system_info":
            self._system_info(p["system_info"]["key"], p["system_info"]["value"])
        elif kind == "gpu_static_info":
            self._document("system")["gpuStaticInfoList"] = p["gpu_static_info"]
        elif kind == "git_metadata":
            self.documents["git"] = p.get("git_metadata") or p.get("git_meta") or {}
        elif kind == "installed_packages":
            self.installed = p["installed_packages"]
        elif kind == "os_packages":
            self.os_packages = p["os_packages"]
        elif kind == "file_name":
            self.file_name = p["file_name"]
        elif kind == "standard_output":
            self.texts.setdefault("output", []).append(p["output"])
        elif kind == "html":
            self.texts.setdefault("html", []).append(p["html"])
        elif kind == "htmlOverride":
            self.texts["html"] = [p.get("htmlOverride") or p.get("html") or ""]
        elif kind == "graph":
            self.texts["graph"] = [p["graph"]]
        elif kind not in ("close", "cloud_details", "log_dependency"):
            self.lost.append(("experiment", kind, f"messages of type {kind} have no place in a stream"))

    def _take_old(self, p: Dict[str, Any], at: Optional[int]) -> None:
        if "log_other" in p:
            self._other(p["log_other"]["key"], p["log_other"]["val"], at)
        if "env_details" in p:
            self._system(p["env_details"])
        if p.get("log_system_info") is not None:
            self._system_info(p["log_system_info"]["key"], p["log_system_info"]["value"])
        for member, kind in (("fileName", "file_name"), ("installed_packages", "installed_packages"), ("os_packages", "os_packages"),
                             ("html", "html"), ("htmlOverride", "htmlOverride"), ("graph", "graph"), ("git_meta", "git_metadata")):
            if p.get(member) is not None:
                self._take(kind, {"file_name" if kind == "file_name" else member: p[member]})
        if p.get("stdout") is not None:
            self.texts.setdefault("output", []).append(p["stdout"])
        if p.get("code") is not None:
            self.texts["code"] = [p["code"]]

    def _parameter(self, p: Dict[str, Any], at: Optional[int]) -> None:
        param = p.get("param") or p["params"]  # of a list of values
        value, context = param["paramValue"], p.get("context")
        text = value if isinstance(value, str) else "[" + ", ".join(map(dumped, value)) + "]" if isinstance(value, list) else dumped(value)
        # As Comet's upload: of each source and context the last value, in the order of the first ones.
        self.sent[param.get("source"), context, param["paramName"]] = {
            "value": text, "timestamp": self._time(at), "step": whole(param.get("step")), "runContext": context}

    def _time(self, at: Optional[int]) -> Optional[int]:
        return at if isinstance(at, int) else self.meta.get("start_time")

    def _settle(self) -> None:
        """Makes parameters of the values that were sent."""
        for (_, _, name), given in self.sent.items():
            merge(self.parameters.setdefault(name, {}), given)

    def _other(self, name: str, value: Any, at: Optional[int]) -> None:
        text = value if isinstance(value, str) else dumped(value)
        merge(self.others.setdefault(name, {}), {"value": text, "timestamp": self._time(at)})

    def _document(self, kind: str) -> Dict[str, Any]:
        return self.documents.setdefault(kind, {})

    def _system(self, details: Dict[str, Any]) -> None:
        self._document("system").update({
            SYSTEM.get(k, k): v for k, v in details.items() if k not in ("message_id", "local_timestamp", "env") and v is not None})

    def _system_info(self, key: str, value: Any) -> None:
        known = self._document("system").get("logAdditionalSystemInfoList", [])
        self._document("system")["logAdditionalSystemInfoList"] = [i for i in known if i["key"] != key] + [{"key": key, "value": value}]

    def _asset(self, p: Dict[str, Any]) -> None:
        more = p.get("additional_params") or {}
        kind = more.get("type") or p.get("upload_type") or "asset"
        if kind == "git-patch":
            self._patch(p["file_path"])
            return
        identity = more.get("assetId") or more.get("imageId") or p.get("assetId")
        identity = identity or hashlib.sha256(f"{self.key}/{len(self.assets)}".encode()).hexdigest()[:32]
        name = more.get("fileName")
        if kind == "visualization":  # an image goes up by a call of its own
            kind, name = "image", more.get("figName") or f"figure_{more.get('figCounter')}"
        doc = {
            "assetId": identity, "fileName": name, "type": kind, "step": whole(more.get("step")), "runContext": more.get("context"),
            "metadata": dumped(p["metadata"], ascii=True) if p.get("metadata") else None,
            **({"dir": "models/" + more["groupingName"]} if more.get("groupingName") else {})}
        if more.get("overwrite") is True:
            self._drop(doc)
        self.assets[identity] = {"name": name, "type": kind, "file": p.get("file_path"), "remote": p.get("remote_uri"), "doc": doc}

    def _drop(self, doc: Dict[str, Any]) -> None:
        """Drops the assets that one overwrites: those of its name, type and model."""
        def place(d: Dict[str, Any]) -> Tuple[Any, Any, Any]:
            return d["fileName"], d["type"], d.get("dir")

        self.assets = {i: a for i, a in self.assets.items() if place(a["doc"]) != place(doc)}

    def _patch(self, name: str) -> None:
        """Takes the patch out of its own zip."""
        try:
            with zipfile.ZipFile(io.BytesIO(self.zip.read(name))) as inner:
                self.patch = inner.read(inner.namelist()[0])
        except (KeyError, IndexError, zipfile.BadZipFile):
            self.lost.append(("git-patch", name, "its file is not in the zip"))

    def write(self, writer: comet_stream.Writer) -> None:
        """Writes the experiment."""
        start = self.meta.get("start_time")
        name = (self.others.get("Name") or {}).get("valueCurrent")
        metadata = {"fileName": self.file_name, "filePath": self.file_name} if self.file_name else {}
        with writer.experiment(
                self.key, name=name, start=start, end=self.meta.get("stop_time") or self.last or start,
                tags=self.meta.get("tags") or [], metadata=metadata) as run:
            run.parameters(dict(self.parameters))
            run.others(dict(self.others))
            if "system" in self.documents:
                run.document("system", self.documents["system"])
            if self.installed is not None or self.os_packages is not None:
                run.requirements(self.installed, self.os_packages)
            if "git" in self.documents:
                run.document("git", self.documents["git"])
            if self.patch is not None:
                run.text("git-patch", self.patch)
            for kind in ("code", "graph", "html", "output"):
                if kind in self.texts:
                    run.text(kind, "".join(self.texts[kind]))
            for metric in sorted(self.metrics):
                run.metric(metric, self.metrics[metric])
            for identity, asset in sorted(self.assets.items(), key=lambda a: a[1]["type"] in REFERRING):
                self._write_asset(run, identity, asset)
            for kind, what, reason in self.lost:
                run.skipped(kind, reason, name=what)

    def _write_asset(self, run: comet_stream.ExperimentWriter, identity: str, asset: Dict[str, Any]) -> None:
        if asset["remote"]:
            run.asset(asset["name"], None, id=identity, type=asset["type"], remote=asset["remote"],
                      doc={**asset["doc"], "link": asset["remote"], "remote": True})
        elif asset["file"] not in self.files:
            run.skipped("asset", "its file is not in the zip", name=asset["name"], id=identity)
        else:
            info = self.zip.getinfo(asset["file"])
            with self.zip.open(info) as data:
                run.asset(asset["name"], checked(data), id=identity, type=asset["type"], size=info.file_size, doc=asset["doc"])


def checked(data: Any) -> BinaryIO:
    """Returns a file that does not claim to seek: zip files do, at great cost."""
    return io.BufferedReader(_Forward(data))  # type: ignore[arg-type]


class _Forward(io.RawIOBase):
    def __init__(self, data: Any):
        self._data = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._data.read(len(buffer))
        buffer[:len(piece)] = piece
        return len(piece)


def number(value: Any) -> Any:
    """Returns a value of a metric: the number, or its text where it is none."""
    return value if isinstance(value, (int, float, bool, Literal, type(None))) else str(value)


def whole(value: Any) -> Optional[int]:
    """Returns a step or an epoch, which may be a float of Python."""
    return int(float(value)) if isinstance(value, (float, Literal)) else value


def merge(doc: Dict[str, Any], given: Dict[str, Any]) -> None:
    """Adds a value to a parameter or an other, as a server does: at both ends numbers come before texts."""
    now = rank(given["value"])
    least, greatest = rank(doc.get("valueMin")), rank(doc.get("valueMax"))
    numeric = isinstance(now, float)
    for end, wins in (("Current", True), ("Min", now < least if numeric == isinstance(least, float) else numeric),
                      ("Max", now > greatest if numeric == isinstance(greatest, float) else numeric)):
        if wins or "value" + end not in doc:
            doc.update({member + end: value for member, value in given.items()})


def rank(text: Optional[str]) -> Any:
    """Returns what a value is compared by: its number, or else its text."""
    try:
        found = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return text or ""
    return text if math.isnan(found) else found


def dumped(value: Any, ascii: bool = False) -> str:
    """Returns compact JSON, numbers as they were."""
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{dumped(str(k), ascii)}:{dumped(v, ascii)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dumped(v, ascii) for v in value) + "]"
    return json.dumps(value, ensure_ascii=ascii)


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes a stream of the zips that Comet's OfflineExperiment leaves.")
    parser.add_argument("zips", nargs="+", metavar="ZIP")
    parser.add_argument("-o", "--output", required=True, metavar="FILE")
    parser.add_argument("--workspace", help="for zips that name none")
    parser.add_argument("--project", default="general", help="for zips that name none (default general)")
    args = parser.parse_args()
    runs: Dict[Tuple[str, str], List[Offline]] = {}
    lost = 0
    for name in args.zips:
        try:
            run = Offline(name)
        except (OSError, zipfile.BadZipFile) as e:
            print(f"{name}: {e}", file=sys.stderr)
            lost += 1
            continue
        workspace = run.meta.get("workspace") or args.workspace
        if not workspace:
            parser.error(f"{name} names no workspace; --workspace does")
        runs.setdefault((workspace, run.meta.get("project_name") or args.project), []).append(run)
    with comet_stream.create(args.output, tool="from-comet-offline", plan=[(*at, len(runs[at])) for at in sorted(runs)]) as writer:
        for workspace, project in sorted(runs):
            group = sorted(runs[workspace, project], key=lambda r: (r.meta.get("start_time") or 0, r.key))
            writer.project(workspace, project, experiments=len(group))
            for run in group:
                run.write(writer)
                lost += len(run.lost)
    if lost:
        print(f"{lost} items are missing, named in the stream as skipped", file=sys.stderr)
    return 3 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
