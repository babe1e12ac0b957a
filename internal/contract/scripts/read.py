"""Reads a workspace by every getter that the SDK has, and prints what they say.

The result is one JSON object: what was asked, in words that are the same for every
server, and the answer. A getter that this script does not call is told of, so
that a new one is not left out.
"""

import dataclasses
import hashlib
import io
import json
import os
import sys
import zipfile

from sdk import CURRENT, KEYS, WORKSPACE, check, comet_ml, event

ROOT = os.environ["COMET_URL_OVERRIDE"].replace("clientlib/", "")

# What is no getter of data, and why.
LEFT_OUT = {
    "get_panel": "speaks to the panel that it runs in",
    "get_hf_dataset": "asks another host",
    "get_experiment_by_id": "another name of get_experiment_by_key",
    "get_asset_by_name": "another name of get_assets_by_name",
    "get_curve": "get_curves calls it for each",
}

answers = {}


def plain(x):
    """Makes JSON of what a getter has returned."""
    if isinstance(x, bytes):
        return digest(x)
    if isinstance(x, comet_ml.APIExperiment):
        return x.id
    if dataclasses.is_dataclass(x):
        return plain(dataclasses.asdict(x))
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, (set, frozenset)):
        return sorted(plain(v) for v in x)
    if isinstance(x, str):
        return x.replace(ROOT, "ROOT/")
    if x is None or isinstance(x, (bool, int, float)):
        return x
    return str(x)


def digest(data):
    """Is what a file holds: of a zip, its files."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as z:
            return {name: digest(z.read(name)) for name in z.namelist()}
    data = data.replace(ROOT.encode(), b"ROOT/")
    return "%d bytes, %s" % (len(data), hashlib.sha256(data).hexdigest()[:16])


def tree(folder):
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as f:
                found[os.path.relpath(os.path.join(path, name), folder)] = digest(f.read())
    return found


class Asker:
    """Calls the getters of an object and keeps the answers."""

    classes = {}  # the getters that were called

    def __init__(self, what, thing):
        self.what, self.thing = what, thing
        self.called = self.classes.setdefault(type(thing), set())

    def ask(self, getter, *args, of="", order=lambda x: x, **kwargs):
        self.called.add(getter)
        if not hasattr(self.thing, getter):
            return None  # an SDK of another age
        answer = getattr(self.thing, getter)
        if callable(answer):
            answer = answer(*args, **kwargs)
        ordered = order(answer)
        answers["%s.%s(%s)" % (self.what, getter, of)] = plain(ordered)
        return answer

    @classmethod
    def tell_left_out(cls):
        for kind, called in cls.classes.items():
            for name in dir(kind):
                if name.startswith(("get_", "model_registry_")) and name not in called and not name.startswith(tuple(LEFT_OUT)):
                    event("check", "%s.%s is a getter that this script does not call" % (kind.__name__, name))


def numbers(points):
    try:
        return [float(p["metricValue"]) for p in points]
    except ValueError:
        return None


def by(*fields):
    """Orders a list that a server may give in any order, and names its elements."""
    return lambda list_: {"/".join(str(x.get(f)) for f in fields): x for x in list_ or []}


def by_metric(points):
    found = {}
    for p in points:
        found.setdefault(p["metricName"], []).append(p)
    return {name: in_time(list_) for name, list_ in found.items()}


def in_time(points):
    """Orders points but for those of equal time, which have no order that a client
    could write. What the offset of a point is, is the server's."""
    list_ = [{k: v for k, v in p.items() if k != "offset"} for p in points or []]
    return sorted(list_, key=lambda p: (p["timestamp"], json.dumps(p, sort_keys=True)))


def patch(data):
    """Is a git patch, which may come in a zip file and bare."""
    if not isinstance(data, bytes) or data[:1] == b"{":
        return None
    found = digest(data)
    return found.get("git_diff.patch", found) if isinstance(found, dict) else found


def rows(frame):
    if frame is None:
        return None
    # The time from row to row depends on their order.
    return sorted(frame.drop(columns="duration", errors="ignore").to_csv(index=False).splitlines())


def chart(experiments):
    """Makes rows of the columns of each metric, in one order."""
    columns = ("timestamps", "steps", "epochs", "durations", "values")
    return {
        key: {
            **{k: v for k, v in x.items() if k not in ("metrics", "steps", "epochs")},
            "metrics": {m["metricName"]: sorted(zip(*[m[c] for c in columns]), key=str) for m in x["metrics"]},
        } for key, x in experiments.items()
    }


def experiment(api, key):
    e = api.get_experiment_by_key(key)
    a = Asker("experiment %s" % key, e)
    for getter in (
            "get_additional_system_info", "get_code", "get_command", "get_environment_details", "get_executable",
            "get_git_metadata", "get_gpu_static_info", "get_hostname", "get_html", "get_installed_packages", "get_ip",
            "get_machine", "get_max_memory", "get_metadata", "get_model_graph", "get_name", "get_network_interface_ips",
            "get_os", "get_os_packages", "get_os_release", "get_os_type", "get_output", "get_pid", "get_processor",
            "get_python_version", "get_python_version_verbose", "get_state", "get_system_details", "get_system_metric_names",
            "get_total_memory", "get_user"):
        a.ask(getter)
    a.ask("get_tags", order=sorted)
    a.ask("get_parameters_summary", order=by("name"))
    a.ask("get_others_summary", order=by("name"))
    a.ask("get_git_patch", order=patch)
    a.ask("get_metrics_summary", order=by("name"))
    a.ask("get_metrics", order=by_metric)
    for s in e.get_metrics_summary():
        points = a.ask("get_metrics", s["name"], of=s["name"], order=in_time)
        if CURRENT and numbers(points):
            a.ask("get_metric_total_df", s["name"], of=s["name"], order=rows)
    a.ask("get_curves", order=by("assetId"))
    a.ask("get_artifact_lineage", order=lambda x: by("direction", "artifactName", "artifactVersion")(x["artifacts"]))
    a.ask("get_views", order=lambda views: by("name")([dataclasses.asdict(v) for v in views]))
    a.ask("get_views", True, True, of="of the workspace", order=lambda views: sorted(v.name for v in views))
    for asset in a.ask("get_asset_list", order=by("assetId")):
        if not asset["remote"]:
            a.ask("get_asset", asset["assetId"], of=asset["assetId"])
        if CURRENT and not asset["remote"]:
            a.ask("get_assets_by_name", asset["fileName"], of=asset["fileName"], order=lambda x: sorted(map(digest, x)))
    for name in a.ask("get_model_names", order=sorted):
        a.ask("get_model_asset_list", name, of=name, order=by("assetId"))
        a.ask("get_model_data", name, of=name, order=by("assetId"))
        e.download_model(name, "models/%s/%s" % (key, name))
        answers["experiment %s.download_model(%s)" % (key, name)] = tree("models/%s/%s" % (key, name))


def projects(api, a):
    found = []
    for p in a.ask("get_projects", WORKSPACE, order=lambda names: sorted(names)):
        project = a.ask("get_project", WORKSPACE, p, of=p)
        a.ask("get_project_by_id", project["projectId"], of=p)
        a.ask("get_project_notes", WORKSPACE, p, of=p)
        a.ask("get_project_share_keys", project["projectId"], of=p, order=len)
        a.ask("get_query_variables", WORKSPACE, p, of=p, order=lambda x: sorted(map(str, x)))
        a.ask("get_views", WORKSPACE, p, of=p, order=lambda views: by("name")([dataclasses.asdict(v) for v in views]))
        ids = lambda list_: sorted(x.id for x in list_)  # noqa: E731
        for e in a.ask("get_experiments", WORKSPACE, p, of=p, order=ids):
            found.append(e.id)
            a.ask("get_experiment", WORKSPACE, p, e.id, of=e.id)
        for e in a.ask("get_archived_experiments", WORKSPACE, p, of=p, order=ids):
            found.append(e.id)
            a.ask("get_archived_experiment", WORKSPACE, p, e.id, of=e.id)
    return sorted(set(found))


def queries(api, project, keys):
    from comet_ml.query import Metadata, Metric, Other, Parameter, Tag

    asked = {
        "metric": Metric("loss") < 0.1, "parameter": Parameter("lr") == 0.001, "tag": Tag("one"),
        "other": Other("Name").contains("run"), "metadata": Metadata("user_name") == "alice",
        "parameter of another": Parameter("p") == "v", "and": (Metric("loss") < 0.1) & (Tag("two")), "not": ~(Parameter("batch") == 1), "null": Parameter("lr") != None,  # noqa: E711
    }
    if CURRENT:
        asked.update({
            "or": (Parameter("lr") == 0.001) | (Parameter("p") == "v"), "or of two sources": Tag("three") | (Metric("loss") < 0.1),
            "nested": (Tag("one") | Tag("three")) & (Metric("loss") < 0.1), "not or": ~((Parameter("lr") > 1) | (Parameter("batch") == 1)),
        })
    for name, q in asked.items():
        for how in ("query", "search") if CURRENT else ("query",):
            found = sorted(x.id for x in getattr(api, how)(WORKSPACE, project, q))
            answers["%s(%s)" % (how, name)] = found
            if KEYS["live"] in keys:
                check("%s(%s) finds the live run" % (how, name), KEYS["live"] in found, name != "parameter of another")


def sorted_files(x):
    """Orders lists of files, which have no order that a client could write."""
    if isinstance(x, dict):
        return {k: sorted(map(sorted_files, v), key=lambda f: f["assetId"]) if k == "assets" else sorted_files(v) for k, v in x.items()}
    return [sorted_files(v) for v in x] if isinstance(x, list) else x


def registry(api, a):
    a.ask("get_registry_model_count", WORKSPACE)
    a.ask("model_registry_allowed_status_values", WORKSPACE)
    for name in a.ask("get_registry_model_names", WORKSPACE, order=sorted):
        a.ask("get_registry_model_details", WORKSPACE, name, of=name, order=sorted_files)
        a.ask("get_registry_model_notes", WORKSPACE, name, of=name)
        a.ask("get_latest_registry_model_version_details", WORKSPACE, name, of=name, order=sorted_files)
        for version in a.ask("get_registry_model_versions", WORKSPACE, name, of=name):
            of = "%s:%s" % (name, version)
            a.ask("get_model_registry_version_assets", WORKSPACE, name, version, of=of, order=sorted_files)
            a.ask("get_registry_model_details", WORKSPACE, name, version, of=of, order=sorted_files)
            if CURRENT:
                model(a, name, version, of)


def model(a, name, version, of):
    m = Asker("model", a.ask("get_model", WORKSPACE, name, of=name, order=lambda m: m.name))
    for getter in ("get_assets", "get_details", "get_registry_model_metadata", "get_registry_model_status_configuration", "status", "tags"):
        m.ask(getter, version, of=of)
    m.ask("find_versions", of=name)
    m.ask("get_version_history", version, of=of, order=lambda days: sorted(e["actionType"] for d in days.values() for e in d))
    folder = "registry/%s/%s" % (name, version)
    m.thing.download(version, output_folder=folder)
    answers["model.download(%s)" % of] = tree(folder)


def artifacts(api, a):
    for row in a.ask("get_artifact_list", WORKSPACE, order=lambda x: by("name")(x["artifacts"]))["artifacts"]:
        name = row["name"]
        details = a.ask("get_artifact_details", WORKSPACE, name, of=name)
        for v in details["versions"]:
            of = "%s:%s" % (name, v["version"])
            a.ask("get_artifact_files", WORKSPACE, name, version=v["version"], of=of, order=lambda x: by("assetId")(x["files"]))
            if CURRENT and v["state"] == "CLOSED":
                logged(a, name, v["version"], of)


def logged(a, name, version, of):
    l = Asker("artifact", a.ask("get_artifact", WORKSPACE, name, version, of=of, order=lambda x: x.name))
    for getter in ("aliases", "artifact_tags", "artifact_type", "metadata", "name", "size", "source_experiment_key", "version", "version_tags",
                   "workspace", "get_source_experiment"):
        l.ask(getter, of=of)
    assets = lambda list_: {x.logical_path: [x.id, x.remote, x.size, x.link, x.metadata, x.asset_type] for x in list_}  # noqa: E731
    for asset in l.ask("assets", of=of, order=assets):
        l.ask("get_asset", asset.logical_path, of=of + "/" + asset.logical_path, order=lambda x: x.id)
    l.ask("remote_assets", of=of, order=assets)
    folder = "artifacts/%s/%s" % (name, version)
    l.thing.download(folder)
    answers["artifact.download(%s)" % of] = tree(folder)


def main(out):
    api = comet_ml.API(cache=False)
    a = Asker("api", api)
    a.ask("get_account_details")
    a.ask("get_default_workspace")
    a.ask("get_workspaces", order=sorted)
    keys = projects(api, a)
    for key in keys:
        experiment(api, key)
        a.ask("get_experiment_by_key", key, of=key)
    a.ask("get_metrics_for_chart", keys, ["loss", "accuracy"], ["lr"], full=True, order=chart)
    if CURRENT:
        a.ask("get_metrics_df", keys, ["loss"], order=rows)
    registry(api, a)
    artifacts(api, a)
    if os.environ["CONTRACT_PROJECT"] in api.get_projects(WORKSPACE):
        queries(api, os.environ["CONTRACT_PROJECT"], keys)
    Asker.tell_left_out()
    with open(out, "w") as f:
        json.dump(answers, f, indent=1, sort_keys=True)


main(sys.argv[1])
