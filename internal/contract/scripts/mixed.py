"""Logs at random, from the seed that it is given, by all the ways there are: what
each call takes, in any order, to experiments of every kind and age."""

import io
import math
import os
import random
import sys
import tempfile

import everything
from sdk import CURRENT, PROJECT, WORKSPACE, comet_ml, command, event, known

NAMES = [
    "loss", "Loss", "LOSS", "train/loss", "train_loss", "a/b/c/d", "/lead", "trail/", "..", ".", "../x", "a b", " a", "a ", "a\tb", "a:b", "a|b", "a,b", "a=b", "a&b=c", "a?b#c",
    "a%2Fb", "%", "+", "a+b", "ä", "a\u0308", "日本", "\U0001F680", "\u202etxt", "\u200b", "<b>", "{x}", "[0]", "$id", "null", "None", "0", "-1", "1e5", "sys.gpu.0.x", "x" * 200, "Name", "name",
    "a\\b", "'", '"', "a.b", "con", "a;b", "@", "\u00a0", "\ufeffbom", "a//b", "~", "*", "tag", "step", "epoch", "value", "val", "test_loss", "validate_loss", "\U0001F468\u200d\U0001F469"]
TEXTS = ["", " ", "0", "-0", "1.0", "01", "1e400", "NaN", "Infinity", "-inf", "null", "None", "true", "False", "[]", "{}", '{"a": 1}', "a\nb", "a\r\nb", "\n", "\t", "\x01", "\x00", "\u2028", "\x7f", "\x85",
         "<script>", "&amp;", "\\n", "\\u0000", "\\", "\ufffd", "\ufffe", "e\u0301", "é", "\U0001F680", "ü" * 500, "https://x.example/?a=b&c=d#e", "x" * 5000, '"', "'", "%s%d", "2024-01-01T00:00:00Z", "\ufeff"]


class Dice(random.Random):
    def chance(self, p):
        return self.random() < p

    def name(self):
        if self.chance(0.7):
            return self.choice(NAMES)
        return "".join(self.choice("abXY01 /%\\\"'\t.:äß東\U0001F680\u0301&<>?#=+-_,;") for _ in range(self.randint(1, 30)))

    def text(self):
        if self.chance(0.7):
            return self.choice(TEXTS)
        return "".join(chr(self.choice((self.randint(1, 127), self.randint(128, 0xd7ff), self.randint(0x10000, 0x10ffff)))) for _ in range(self.randint(1, 60)))

    def number(self):
        return self.choice([
            lambda: self.randint(-5, 5), lambda: self.gauss(0, 1), lambda: 10.0 ** self.randint(-320, 308), lambda: self.choice([0.0, -0.0, 1.0, -1.0]),
            lambda: self.choice([math.nan, math.inf, -math.inf]), lambda: self.choice([1, -1]) * 2 ** self.randint(0, 70), lambda: self.choice([True, False]), lambda: self.getrandbits(200),
            lambda: 1 / 3, lambda: 0.1 + 0.2, lambda: 100.0, lambda: 1e22])()

    def value(self, deep=2):
        kinds = [self.number, self.text, lambda: None, self.array]
        if deep:
            kinds += [lambda: [self.value(deep - 1) for _ in range(self.randint(0, 4))], lambda: {self.name(): self.value(deep - 1) for _ in range(self.randint(0, 4))},
                      lambda: tuple(self.value(0) for _ in range(2)), lambda: {"nested": {self.name(): self.value(deep - 1)}}]
        return self.choice(kinds)()

    def array(self):
        import numpy as np

        return self.choice([
            lambda: np.float32(self.gauss(0, 1)), lambda: np.float64(self.gauss(0, 1)), lambda: np.int64(self.randint(-9, 9)), lambda: np.bool_(True), lambda: np.array(self.gauss(0, 1)),
            lambda: np.float16(0.1), lambda: np.float32("nan"), lambda: np.str_("np"), lambda: b"bytes", lambda: {1, 2}, lambda: 1 + 2j, lambda: range(3)])()

    def step(self):
        return self.choice([
            lambda: None, lambda: 0, lambda: self.randint(0, 20), lambda: self.randint(0, 20), lambda: -self.randint(1, 9), lambda: 2 ** self.randint(20, 62), lambda: 2 ** 63 - 1, lambda: -2 ** 63,
            lambda: self.randint(0, 5) * 1.0, lambda: 2.5])() if self.chance(0.3) else self.choice([None, self.randint(0, 30)])

    def metadata(self):
        return self.choice([None, None, {}, {self.name(): self.text()}, {"a": {"b": [1, None, {"c": ""}]}, "n": 1.0, "big": 2 ** 60, "nan": 0.5}, {self.name(): None, "": "x"}, {"e": [], "o": {}, "t": True}])

    def content(self):
        return self.choice([b"", b"\n", b"\x00", self.text().encode("utf-8", "replace"), self.randbytes(self.randint(1, 50)), self.randbytes(self.randint(5000, 90000)), b"a,b\n1,2\n", b"same", b"same", b"{}", b"PK\x03\x04nozip", b"\x1f\x8bnogzip"])

    def path(self):
        """Is a name that a file of a real folder can have."""
        name = self.choice([n for n in NAMES if n.strip("/. ") and not set(n) & set("\\\0") and ".." not in n]).strip("/")
        return name.replace("//", "/") + self.choice(["", ".txt", ".json", ".PNG", ".tar.gz", ".py"])


# What can be logged: each takes the dice, an experiment and a folder.

def parameter(d, e, folder):
    e.log_parameter(d.name(), d.value(), **({"step": d.step()} if d.chance(0.4) else {}))


def parameters(d, e, folder):
    e.log_parameters({d.name(): d.value() for _ in range(d.randint(0, 6))}, **({"prefix": d.name()} if d.chance(0.3) and hasattr(e, "log_metrics") and not isinstance(e, comet_ml.APIExperiment) else {}))


def many_parameters(d, e, folder):
    tree = {}
    for i in range(300):
        tree.setdefault("g%d" % (i % 7), {}).setdefault("h%d" % (i % 11), {})["p%d" % i] = d.value(0)
    if isinstance(e, comet_ml.APIExperiment):
        return
    e.log_parameters(tree)


def metric(d, e, folder):
    known(e.log_metric)(d.name(), d.number(), step=d.step(), epoch=d.step() if d.chance(0.4) else None)


def series(d, e, folder):
    name, steps = d.name(), [d.randint(-3, 40) for _ in range(d.randint(1, 60))]
    if d.chance(0.6):
        steps.sort()
    if isinstance(e, comet_ml.APIExperiment):
        steps = steps[:8]
    for s in steps:
        known(e.log_metric)(name, d.gauss(0, 1), step=s if d.chance(0.95) else None, epoch=s // 5 if d.chance(0.5) else None,
                            timestamp=d.choice([1700000000, 1700000000 + s, 2000000000 + s, 4102444800, 1]) if d.chance(0.5) else None)


def metrics(d, e, folder):
    e.log_metrics({d.name(): d.number() for _ in range(d.randint(0, 5))}, **({"prefix": d.name()} if d.chance(0.3) and not isinstance(e, comet_ml.APIExperiment) else {}), step=d.step())


def in_context(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        return
    with d.choice([e.train, e.test, e.validate, lambda: e.context_manager(d.name())])():
        for _ in range(d.randint(1, 6)):
            d.choice([parameter, parameters, metric, metrics, asset, other, image, text, stepped, epochs])(d, e, folder)
        if d.chance(0.3):
            in_context(d, e, folder)


def stepped(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        return
    e.set_step(d.choice([None, 0, d.randint(0, 1000)]))
    for _ in range(3):
        e.log_metric(d.name(), d.gauss(0, 1))


def epochs(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        return
    d.choice([lambda: e.set_epoch(d.choice([None, 0, 3])), lambda: e.log_current_epoch(d.randint(0, 9)), lambda: e.log_epoch_end(d.randint(0, 9), step=d.step())])()


def other(d, e, folder):
    e.log_other(d.name(), d.value())


def others(d, e, folder):
    if hasattr(e, "log_others"):
        e.log_others({d.name(): d.value() for _ in range(d.randint(0, 5))})


def again(d, e, folder):
    for _ in range(3):
        e.log_other("again", d.value(0))
        e.log_parameter("again", d.value(0))


def tags(d, e, folder):
    d.choice([lambda: e.add_tag(d.name()), lambda: e.add_tags([d.name() for _ in range(d.randint(0, 4))] + ["twice", "twice"])])()


def texts(d, e, folder):
    d.choice([lambda: e.log_html(d.text(), clear=d.chance(0.3)), lambda: e.set_model_graph(d.text()), lambda: e.set_filename(d.name()), lambda: e.set_name(d.name()),
              lambda: e.set_code(d.text(), **({"overwrite": d.chance(0.5)} if not isinstance(e, comet_ml.APIExperiment) else {}))])()


def about(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        d.choice([lambda: e.log_additional_system_info(d.name(), d.text()), lambda: e.log_output(d.text(), stderr=d.chance(0.5)), lambda: e.set_command([d.text(), d.name()]),
                  lambda: e.set_installed_packages(["a==1", d.name()]), lambda: e.set_os_packages([d.name()]), lambda: e.set_pid(d.randint(0, 2 ** 40)), lambda: e.set_hostname(d.text()),
                  lambda: e.set_network_interface_ips(["::1", "10.0.0.1"]), lambda: e.set_git_metadata(d.text(), d.text(), d.text(), d.text(), d.text()), lambda: e.log_cpu_metrics([1, 2.5], step=d.randint(0, 4)),
                  lambda: e.log_load_metrics(0.1, context="c"), lambda: e.log_ram_metrics(2 ** 35, 1), lambda: e.log_gpu_metrics([{"gpuId": 1, "freeMemory": 1, "usedMemory": 2, "gpuUtilization": 3, "totalMemory": 4}]),
                  lambda: e.set_user(d.text()), lambda: e.set_ip("::1"), lambda: e.set_start_time(1), lambda: e.set_end_time(d.choice([2, 4102444800000]))])()
        return
    d.choice([lambda: e.log_system_info(d.name(), d.value(1)), lambda: e.log_dependency(d.name(), d.text()), lambda: e.log_dataset_hash(d.randbytes(5)), lambda: e.set_pip_packages(),
              lambda: e.log_dataset_info(name=d.name(), version=d.text(), path=d.choice([None, "/x y"])), lambda: e.log_html_url("https://x.example/?a=1&b=<2>", text=d.text(), label=d.choice([None, "l"])),
              lambda: hasattr(e, "log_optimization") and e.log_optimization(optimization_id="opt", metric_name=d.name(), metric_value=d.gauss(0, 1), parameters={"a": d.text()}, objective="minimize"),
              lambda: print(d.text()), lambda: print(d.text(), file=sys.stderr, end=""), lambda: e.set_cmd_args()])()


def asset(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        known(e.log_asset)(everything.write(folder, d.path(), d.content()), step=d.randint(0, 4), name=d.name(), context=d.choice([None, "train", d.name()]),
                           ftype=d.choice([None, "asset", "own type", "text-sample", "shap"]), metadata=d.metadata())
        return
    d.choice([
        lambda: e.log_asset(io.BytesIO(d.content()), file_name=d.name(), step=d.step(), metadata=d.metadata(), overwrite=d.chance(0.2)),
        lambda: e.log_asset(everything.write(folder, d.path(), d.content()), **({"file_name": d.name()} if d.chance(0.5) else {}), copy_to_tmp=d.chance(0.5), step=d.step(), metadata=d.metadata()),
        lambda: e.log_asset_data(d.choice([d.text, d.content, lambda: {"a": [d.number()]}, lambda: [d.text()]])(), name=d.choice([None, d.name()]), step=d.step(), epoch=d.choice([None, 3]), metadata=d.metadata(), overwrite=d.chance(0.2)),
        lambda: e.log_asset(io.StringIO(d.text()), file_name=d.name())])()


def same_names(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        return
    name = d.name()
    for i in range(4):
        e.log_asset(io.BytesIO(d.choice([b"same", b"one", b"", b"%d" % i])), file_name=name, step=d.choice([None, 0, i]), metadata=d.metadata(), overwrite=d.chance(0.2))
        known(e.log_image)(png(folder, i % 2), name=name, step=d.choice([None, 0]), overwrite=d.chance(0.2))
        e.log_text(d.choice(["", "same"]), step=d.choice([None, 1]))


def tree(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        return
    root = tempfile.mkdtemp(dir=folder)
    for _ in range(d.randint(1, 6)):
        try:
            everything.write(root, d.path(), d.content())
        except OSError:  # a file where a folder is wanted
            pass
    d.choice([lambda: known(e.log_asset_folder)(root, step=d.step(), log_file_name=d.choice([None, True, False]), recursive=d.chance(0.7)), lambda: e.log_code(folder=root),
              lambda: known(e.log_model)(d.name(), root, metadata=d.metadata(), prepend_folder_name=d.chance(0.5))])()


def remote(d, e, folder):
    if hasattr(e, "log_remote_asset"):
        e.log_remote_asset(d.choice(["s3://b/k", "gs://b/" + d.name(), "https://x.example/" + d.name() + "?q=1", "file:///a/b", "custom://x", "s3://b/k"]), remote_file_name=d.choice([None, d.name()]),
                           step=d.step(), metadata=d.metadata())


def png(folder, n):
    return everything.write(folder, "%d.png" % n, bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100"
        "18dd8db00000000049454e44ae426082") + b"x" * n)


def image(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        e.log_image(png(folder, d.randint(0, 3)), image_name=d.name(), step=d.randint(0, 3), context=d.choice([None, "train"]))
        return
    boxes = [{"name": d.name(), "data": [{"label": d.name(), "boxes": [[0, 0, 1, 1]], "score": 0.5}, {"label": "p", "points": [[0, 0, 1, 0, 1, 1]], "score": None}]}]
    known(e.log_image)(d.choice([png(folder, d.randint(0, 3)), io.BytesIO(open(png(folder, 2), "rb").read())]), name=d.choice([None, d.name()]), step=d.step(), annotations=d.choice([None, boxes]), metadata=d.metadata(), overwrite=d.chance(0.2))


def text(d, e, folder):
    if hasattr(e, "log_text"):
        e.log_text(d.text(), step=d.step(), metadata=d.metadata())


def plots(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        return
    n = d.randint(1, 12)
    d.choice([
        lambda: e.log_curve(d.name(), list(range(n)), [d.gauss(0, 1) for _ in range(n)], step=d.step(), overwrite=d.chance(0.2)),
        lambda: e.log_confusion_matrix([d.randint(0, 3) for _ in range(n)], [d.randint(0, 3) for _ in range(n)], labels=d.choice([None, [d.name() for _ in range(4)]]), title=d.text(), step=d.step(),
                                       file_name=d.choice(["confusion-matrix.json", d.name()]), index_to_example_function=d.choice([None, lambda i: "e%d" % i])),
        lambda: e.log_histogram_3d([d.gauss(0, 1) for _ in range(n)], name=d.choice([None, d.name()]), step=d.step(), epoch=d.choice([None, 1]), metadata=d.metadata()),
        lambda: e.log_table(d.choice(["t.csv", "t.tsv", "t.json", d.name() + ".csv"]), tabular_data=[[d.text(), d.gauss(0, 1)], [None, 1]], headers=d.choice([False, ["a", d.name()]])),
        lambda: e.log_embedding([[1.0, 2.0], [3.0, d.gauss(0, 1)]], ["a", d.name()], title=d.name(), **({"template_filename": d.name()} if d.chance(0.4) else {})) if CURRENT or isinstance(e, comet_ml.Experiment) else None,
        lambda: e.log_audio(everything.write(folder, "t.wav", d.content()), file_name=d.name(), metadata=d.metadata(), step=d.step()),
        lambda: e.log_video(everything.write(folder, "t.mp4", d.content() + b"v"), name=d.name(), step=d.step(), epoch=d.choice([None, 2]), metadata=d.metadata()) if CURRENT else None,
        lambda: e.log_notebook(everything.write(folder, d.choice(["n.ipynb", "a/n.ipynb"]), b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'), overwrite=d.chance(0.5)),
        lambda: e.log_code(code=d.text(), code_name=d.name())])()


def models(d, e, folder):
    if isinstance(e, comet_ml.APIExperiment):
        return
    name = d.choice(["net", "Net", "net v/1", "ü x"])
    d.choice([lambda: known(e.log_model)(name, io.BytesIO(d.content()), file_name=d.path(), metadata=d.metadata(), overwrite=d.chance(0.3)),
              lambda: known(e.log_model)(name, everything.write(folder, d.path(), d.content()), metadata=d.metadata()),
              lambda: e.log_remote_model(name, "s3://b/" + d.name(), metadata=d.metadata() or {"k": "v"}, sync_mode=False) if CURRENT else None])()


def artifact(d, e, folder):
    if not hasattr(e, "log_artifact"):
        return
    a = comet_ml.Artifact(d.choice(["set", "Set", "a/b", "ü x", d.name()]), d.choice(["dataset", "model", d.name()]), version=d.choice([None, None, "%d.%d.%d" % (d.randint(1, 9), d.randint(0, 9), d.randint(0, 9)), "1.0.0-rc.1"]),
                          aliases=d.choice([None, ["latest-x", d.name()]]), version_tags=d.choice([None, [d.name()]]), metadata=d.choice([None, {d.name(): d.value(1)}, {"a": {"b": None}}]))
    used = set()
    for i in range(d.randint(0, 4)):
        path = d.path()
        if path in used or any(u.startswith(path + "/") or path.startswith(u + "/") for u in used):
            continue
        used.add(path)
        if d.chance(0.4):
            a.add_remote("s3://b/" + d.name(), logical_path=path, metadata=d.metadata(), sync_mode=False)
        else:
            a.add(d.choice([io.BytesIO(d.content()), everything.write(folder, "artifact%d" % i, d.content())]), logical_path=path, metadata=d.metadata())
    logged = e.log_artifact(a)
    e.flush()
    if d.chance(0.4) and isinstance(e, comet_ml.Experiment):
        got = e.get_artifact(logged.name, WORKSPACE, str(logged.version))
        d.choice([lambda: got.update_aliases([d.name()]), lambda: got.update_version_tags([d.name()]), lambda: got.update_artifact_tags([d.name()]), lambda: known(got.update_metadata)({"u": d.value(1)}) if hasattr(got, "update_metadata") else None])()


CALLS = [parameter, parameters, parameter, parameters, many_parameters, metric, metric, metric, series, series, metrics, in_context, in_context, stepped, epochs, other, other, others, again, tags, texts, texts, about, about, asset, asset,
         asset, same_names, tree, remote, image, text, plots, plots, plots, models, artifact]


def work(d, e, folder, n):
    for _ in range(n):
        call = d.choice(CALLS)
        try:
            call(d, e, folder)
        except Exception as x:  # many values are none that the SDK takes
            event("raised", "%s: %r" % (call.__name__, x))


def run(d, i, folder):
    key = "%032x" % d.getrandbits(128)
    project = d.choice([PROJECT, PROJECT, "Other Project", "ünï/x"])
    options = {"workspace": WORKSPACE, "project_name": project, "display_summary_level": 0}
    environment = {"log_git_metadata": d.chance(0.5), "log_env_details": d.chance(0.5), "auto_output_logging": d.choice(["simple", "default", False])}
    kind = d.choice(["live", "offline", "rest", "start", "live", "offline"])
    n = d.randint(0, 40)
    print("experiment", i, key, kind, project, n, flush=True)
    if kind == "rest" and CURRENT:  # the SDK of 2023 leaves them running
        e = comet_ml.APIExperiment(workspace=WORKSPACE, project_name=project)
        work(d, e, folder, n)
        e.set_state("finished")
        e.end()
        key = e.id
    elif kind == "start" and CURRENT:
        config = comet_ml.ExperimentConfig(display_summary_level=0, name=d.choice([None, d.name()]), tags=d.choice([None, [d.name()]]), offline_directory="started", auto_output_logging=environment["auto_output_logging"])
        e = comet_ml.start(workspace=WORKSPACE, project_name=project, experiment_key=key, mode=d.choice(["create", "get_or_create"]), online=d.chance(0.7), experiment_config=config)
        work(d, e, folder, n)
        e.end()
        upload(d, "started")
    elif kind == "offline":
        e = comet_ml.OfflineExperiment(experiment_key=key, offline_directory="offline", **options, **environment)
        work(d, e, folder, n)
        e.end()
        upload(d, "offline")
    else:
        e = comet_ml.Experiment(experiment_key=key, **options, **environment)
        work(d, e, folder, n)
        e.end()
    for _ in range(d.choice([0, 0, 1, 2])):
        goes_on(d, key, folder)
    return key


def upload(d, folder):
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith(".zip"):
            command("upload", os.path.join(folder, name))
            os.makedirs("kept", exist_ok=True)
            os.rename(os.path.join(folder, name), os.path.join("kept", name))


def goes_on(d, key, folder):
    how = d.choice(["live", "offline", "rest"])
    n = d.randint(0, 15)
    print("  goes on", key, how, n, flush=True)
    if how == "rest":
        work(d, comet_ml.API(cache=False).get_experiment_by_key(key), folder, n)
        return
    if how == "live":
        e = comet_ml.ExistingExperiment(previous_experiment=key, display_summary_level=0)
    else:
        e = comet_ml.ExistingOfflineExperiment(previous_experiment=key, offline_directory="resumed", display_summary_level=0)
    work(d, e, folder, n)
    e.end()
    upload(d, "resumed")


def registry(d, api, keys):
    for key in keys:
        e = api.get_experiment_by_key(key)
        for name in e.get_model_names():
            if d.chance(0.5):
                continue
            for _ in range(d.randint(1, 3)):
                version = "%d.%d.%d" % (d.randint(0, 3), d.randint(0, 12), d.randint(0, 3))
                registered = d.choice(["m-one", "m-two", "M-One", "model-%d" % d.randint(0, 5)])
                try:
                    e.register_model(name, version=version, registry_name=registered, description=d.text(), comment=d.text(), public=d.chance(0.3),
                                     **({"tags": [d.name(), "t"]} if CURRENT else {"stages": [d.name(), "s"]}))
                except Exception as x:  # the version is there
                    print("registry", name, registered, version, repr(x)[:300])
    for name in api.get_registry_model_names(WORKSPACE):
        if d.chance(0.5):
            api.update_registry_model_notes(WORKSPACE, name, d.text())
        for version in api.get_registry_model_versions(WORKSPACE, name):
            if d.chance(0.5):
                api.update_registry_model_version(WORKSPACE, name, version, comment=d.text(), stages=[d.name(), d.name()])


def workspace(d, api, keys):
    for project in api.get_projects(WORKSPACE):
        if d.chance(0.6):
            api.set_project_notes(WORKSPACE, project, d.text())
        if project != "general" and d.chance(0.5):  # which is at the destination before the import
            api.update_project(WORKSPACE, project, description=d.text(), public=d.chance(0.5))
    for key in keys:
        if d.chance(0.2):
            api.archive_experiment(key)
        elif d.chance(0.2):
            try:
                api.move_experiments([key], WORKSPACE, PROJECT, symlink=True)
            except Exception as x:
                print("move", key, repr(x))  # it is there


def main(seed, count):
    d = Dice(seed)
    api = comet_ml.API(cache=False)
    everything.repository(os.getcwd())
    with tempfile.TemporaryDirectory() as folder:
        keys = [run(d, i, folder) for i in range(count)]
    registry(d, api, keys)
    workspace(d, api, keys)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
