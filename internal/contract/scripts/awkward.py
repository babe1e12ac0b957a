"""Logs what is awkward: odd names, odd values, empty things, and many of them, live
and offline."""

import io
import math
import os
import tempfile

from everything import write
from sdk import CURRENT, PROJECT, WORKSPACE, check, comet_ml, command, known

NAMES = ["../../up", "a:b", "CON", "rocket \U0001F680", "tab\tbetween", 'quo"te\'s', "per%20cent", "back\\slash", "x" * 100, "/lead", "trail/", " space ",
         "a//b", "{json}", "&amp;<b>", "sys.mine", "NaN", "null", "日本語", "e\u0301", "\u00e9"]


def values(e):
    # A line end in a name makes comet upload drop all that comes behind it.
    for i, name in enumerate(NAMES + (["line\nend"] if isinstance(e, comet_ml.Experiment) else [])):
        e.log_metric(name, i / 7, step=i, epoch=i % 3)
        e.log_parameter(name, name)
        e.log_other(name, name)
        e.add_tag(name[:50])
    for i in range(10_000):
        e.log_metric("many", math.sin(i), step=i)
    for value in (float("nan"), float("inf"), -float("inf"), 0, -0.0, 1e308, 5e-324, 2**53 + 1, -2**63):
        e.log_metric("odd values", value, step=1)
    with e.context_manager("ctx/with \U0001F680"):
        e.log_metric("in context", 1, step=-5)
        e.log_metric("in context", 2, step=2**40, epoch=2**33)
    e.log_parameters({"empty": "", "space": " ", "list": [], "dict": {}, "deep": {"a": {"b": {"c": [1, {"d": None}]}}}, "long": "v" * 900, "zero": 0, "neg": -0.0})
    e.log_others({"empty": "", "space": " ", "multi": "line\nline\r\nline", "html": "<script>", "zero": 0, "false": False})
    e.log_html("")
    e.set_model_graph("")
    print("\x1b[31mred\x1b[0m \u0000 nul \u2028 separator")
    print("no end", end="")


def assets(e, folder):
    for i, name in enumerate(NAMES):
        e.log_asset_data("content of %d" % i, name=name, step=i if i % 2 else None, metadata={name[:20]: name})
    for i in range(3):
        e.log_asset(io.BytesIO(b"same name %d" % i), file_name="same.bin", step=i)
        e.log_asset(io.BytesIO(b"SAME NAME %d" % i), file_name="Same.BIN", step=i)
    e.log_asset(io.BytesIO(b""), file_name="empty.bin")
    e.log_asset(io.BytesIO(bytes(3_000_000)), file_name="zeros.bin")
    tree = os.path.join(folder, "tree")
    for path in ("a.txt", "b/a.txt", "b/c/a.txt", "b/c/empty", "ünï/ç ode.txt", ".hidden"):
        write(tree, path, path.encode())
    e.log_asset_folder(tree, step=7, log_file_name=True)
    e.log_asset_folder(os.path.join(folder, "tree"), log_file_name=False)
    e.log_model("with folders", tree, metadata={"a": {"b": [1, None]}})
    e.log_model("slash/name", write(folder, "m.bin", b"m"))
    e.log_code(folder=tree)
    e.log_notebook(write(folder, "deep/er/note book.ipynb", b'{"cells": [{"source": "1"}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'))
    e.log_remote_asset("gs://bucket/a b/\u00fc.bin", remote_file_name="../r\u00e9mote", metadata={"x": ""})
    e.log_remote_asset("", remote_file_name="nowhere")
    e.log_text("", step=1)
    e.log_text("text\u0000with nul", metadata={})
    e.log_curve("c/urve \U0001F680", list(range(500)), [math.cos(x) for x in range(500)], step=3)
    e.log_curve("c/urve \U0001F680", [0, 1], [1, 0], step=4, overwrite=True)
    e.log_table("t able.csv", tabular_data=[["ü", 'q"'], [None, float("nan")]], headers=False)


def histograms(e, np):
    e.log_histogram_3d(np.random.RandomState(1).randn(1000), name="layer/0:weights", step=0)
    e.log_histogram_3d(np.random.RandomState(2).randn(1000) * 1e-9, name="layer/0:weights", step=1)
    e.log_histogram_3d([0.0], name="single")
    e.log_confusion_matrix([0, 1, 2] * 10, [0, 2, 1] * 10, labels=["", "a b", "\U0001F680"], title="", row_label="r", column_label="c", step=2,
                           index_to_example_function=lambda i: "example %d" % i, max_examples_per_cell=2)


def media(e, folder):
    import numpy as np

    histograms(e, np)
    try:
        import matplotlib  # noqa: F401  the SDK makes images of arrays with it
    except ImportError:
        return
    for step in range(5):
        e.log_image(np.full((4, 4, 3), step / 7), name="step image", step=step)
    e.log_image(np.zeros((2, 2)), name="../gr ay.png", image_format="jpeg")
    known(e.log_image)(np.zeros((2, 2, 4)), name="overwritten", overwrite=True, metadata={"k": [1]})
    e.log_confusion_matrix([0, 1] * 5, [1, 1] * 5, images=[np.full((3, 3), i / 11) for i in range(10)], file_name="with images.json")
    if CURRENT or isinstance(e, comet_ml.Experiment):
        e.log_embedding(np.eye(6, 5), ["l %d" % i for i in range(6)], image_data=[np.full((6, 6), i / 7) for i in range(6)],
                        image_size=(6, 6), title="sprites \u00fc")


def log(e):
    e.set_name("awk/ward \U0001F680 " + "n" * 60)
    values(e)
    with tempfile.TemporaryDirectory() as folder:
        assets(e, folder)
        media(e, folder)
        e.flush()


e = comet_ml.Experiment(workspace=WORKSPACE, project_name=PROJECT, experiment_key=("awkward" + "x" * 32)[:32], auto_output_logging="simple", display_summary_level=0)
log(e)

artifact = comet_ml.Artifact("awk ward/\U0001F680", "type of ü", version="1.0.0", aliases=["prod uction", "b"], version_tags=["t 1", "ü"], metadata={"a": {"b": [1, None]}, "e": ""})
with tempfile.TemporaryDirectory() as folder:
    for path in ("x/1.txt", "x/y/2.txt", "empty"):
        write(folder, path, path.encode() if path != "empty" else b"")
    artifact.add(folder)
    artifact.add(io.BytesIO(b"bytes"), logical_path="logi cal/ü.bin", metadata={"m": 1})
    artifact.add_remote("s3://b/k with space", logical_path="re mote", metadata={"z": None}, sync_mode=False)
    e.log_artifact(artifact)
    e.end()
again = comet_ml.ExistingExperiment(previous_experiment=e.get_key(), display_summary_level=0)
second = comet_ml.Artifact("awk ward/\U0001F680", "type of ü", metadata={"second": True})
second.add(io.BytesIO(b"2"), logical_path="two")
again.log_artifact(second)
again.end()

off = comet_ml.OfflineExperiment(workspace=WORKSPACE, project_name=PROJECT, experiment_key=("awkwardoffline" + "x" * 32)[:32], offline_directory="off", display_summary_level=0)
log(off)
off.end()
command("upload", os.path.join("off", [n for n in os.listdir("off") if n.endswith(".zip")][0]))
check("points, of which the SDK has kept a sample", len(comet_ml.API(cache=False).get_experiment_by_key(off.get_key()).get_metrics("many")) > 0, True)
