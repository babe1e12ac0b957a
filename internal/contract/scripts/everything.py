"""Logs all that an experiment can, live or offline."""

import io
import os
import tempfile

from sdk import CURRENT, comet_ml, known


def repository(folder):
    """Makes a git repository with a change in it, and goes there."""
    from dulwich import porcelain

    porcelain.init(folder)
    path = os.path.join(folder, "train.py")
    with open(path, "w") as f:
        f.write("print('committed')\n")
    porcelain.add(folder, [path])
    porcelain.commit(folder, b"first", author=b"A <a@example.com>", committer=b"A <a@example.com>")
    with open(path, "a") as f:
        f.write("print('changed')\n")
    os.chdir(folder)


def log(e):
    texts(e)
    values(e)
    with tempfile.TemporaryDirectory() as folder:
        assets(e, folder)
        media(e, folder)
        models(e, folder)
        e.flush()


def texts(e):
    e.add_tag("one")
    e.add_tags(["two", "tag with spaces", "ünïcode"])
    e.log_other("note", "a text")
    e.log_others({"number": 3, "flag": True, "nothing": None, "list": [1, 2]})
    e.log_html("<b>bold</b>")
    e.log_html("<i>more</i>", clear=False)
    e.log_html_url("https://example.com/", text="a link", label="L")
    e.set_code("print('hello')\n", overwrite=True)
    e.set_model_graph('{"layers": [1, 2]}', overwrite=True)
    e.set_filename("train.py")
    e.log_dataset_hash([1, 2, 3])
    e.log_dataset_info(name="digits", version="1.0", path="/data/digits")
    e.log_dependency("numpy", "1.26.0")
    e.log_system_info("driver", "535.1")
    e.set_cmd_args()
    e.set_os_packages()
    e.set_pip_packages()
    print("a line of output")
    print("another, with ünïcode")


def values(e):
    e.log_parameter("lr", 0.001)
    e.log_parameter("name", "adam", step=3)
    e.log_parameter("shape", [3, 224, 224])
    e.log_parameters({"batch": 32, "bias": True, "none": None, "nan": float("nan"), "inf": float("inf")})
    e.log_parameters({"model": {"depth": 4, "block": {"width": 8}}}, prefix="nested")
    for step in range(30):
        e.log_metric("loss", 1.0 / (step + 1), step=step, epoch=step // 10)
    with e.train():
        e.log_metric("accuracy", 0.5, step=1)
        e.log_metrics({"f1": 0.25, "recall": 0.75}, prefix="p", step=2)
    with e.validate():
        e.log_metric("accuracy", 0.4, step=1)
    with e.test():
        e.log_metric("accuracy", 0.3, epoch=2)
    with e.context_manager("fold one"):
        e.log_metric("accuracy", 0.2, step=7)
    for value in (float("nan"), float("inf"), float("-inf"), 1e-300, 123456789012345678, True):
        e.log_metric("odd %s" % value, value)
    e.set_step(100)
    e.set_epoch(10)
    e.log_metric("stepped", 1)
    e.log_current_epoch(11)
    e.log_epoch_end(11, step=110)


def write(folder, name, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)
    return path


def assets(e, folder):
    data = write(folder, "data.bin", bytes(range(256)) * 40)
    empty = write(folder, "empty.txt", b"")
    e.log_asset(data, file_name="dir/data.bin", step=4, metadata={"a": 1, "b": [1, 2], "ü": None})
    e.log_asset(io.BytesIO(b"in memory"), file_name="memory.bin")
    e.log_asset(empty)
    e.log_asset_data({"a": [1, 2, {"b": None}]}, name="data.json", step=2, epoch=1, metadata={"k": "v"})
    e.log_asset_data("text", name="text.txt", overwrite=True)
    e.log_asset_folder(folder, log_file_name=True, recursive=True, step=1)
    e.log_text("a sample of text", step=3, metadata={"lang": "en"})
    e.log_text("another")
    e.log_remote_asset("s3://bucket/key/file.csv", remote_file_name="file.csv", metadata={"v": 1}, step=5)
    e.log_remote_asset("https://example.com/x.bin")
    e.log_curve("roc", [0, 0.5, 1], [0, 0.75, 1], step=1)
    e.log_confusion_matrix([0, 1, 2, 1], [0, 1, 1, 1], labels=["a", "b", "c"], step=1, title="T")
    e.log_confusion_matrix(matrix=[[1, 2], [3, 4]], labels=["x", "y"], file_name="second.json")
    for step in range(3):
        e.log_histogram_3d([1, 2, 2, 3 * (step + 1)], name="weights", step=step)
    e.log_histogram_3d([5, 6], name="once")
    e.log_table("table.csv", tabular_data=[["a", "b"], [1, 2]], headers=False)
    e.log_table("headed.tsv", tabular_data=[[1, 2], [3, 4]], headers=["x", "y"])
    e.log_notebook(write(folder, "analysis.ipynb", b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'))
    e.log_code(file_name=__file__)
    e.log_code(code="x = 1\n", code_name="snippet.py")
    e.log_code(folder=os.path.dirname(os.path.abspath(__file__)))
    events = write(folder, "events.out.tfevents.1", b"\x00\x01")
    e.log_tensorflow_folder(os.path.dirname(events))
    if CURRENT:
        e.log_tensorboard_folder(os.path.dirname(events))


def media(e, folder):
    # Written by hand, so that nothing needs a library for it: one red dot, four
    # samples, the head of a video.
    png = write(folder, "dot.png", bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100"
        "18dd8db00000000049454e44ae426082"))
    layers = [{"name": "boxes", "data": [{"label": "dot", "boxes": [[0, 0, 1, 1]], "score": 0.5}]}]
    e.log_image(png, name="dot.png", step=1)
    known(e.log_image)(png, name="annotated", step=2, annotations=layers, metadata={"m": 1})
    e.log_image(png)
    e.log_confusion_matrix(
        [0, 1], [1, 1], index_to_example_function=lambda i: {"sample": "dot-%d" % i, "assetId": e.log_image(png, name="dot-%d" % i)["imageId"]},
        file_name="images.json")
    e.log_audio(write(
        folder, "tone.wav",
        b"RIFF\x2c\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00"
        b"\x02\x00\x10\x00data\x08\x00\x00\x00" + b"\x00\x01" * 4), file_name="tone.wav", metadata={"hz": 440}, step=2)
    if CURRENT:
        video = write(folder, "clip.mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(64))
        e.log_video(video, name="clip.mp4", step=3, epoch=1, metadata={"fps": 24})
    if CURRENT or isinstance(e, comet_ml.Experiment):
        e.log_embedding([[1.0, 2.0], [3.0, 4.0]], ["a", "b"], title="E")
        e.log_embedding([[1.0], [2.0]], [["a", 1], ["b", 2]], template_filename="template", group="g")
    box = {"position": [0, 0, 0], "size": {"height": 1, "width": 1, "depth": 1},
           "rotation": {"alpha": 0, "beta": 0, "gamma": 0}, "label": "box",
           "segments": [[[0, 0, 0], [1, 1, 1]]], "color": [1, 0, 0], "name": "box", "probability": 0.5}
    known(e.log_points_3d)("scene", points=[[0, 0, 0], [1, 2, 3]], boxes=[box], step=2)


def models(e, folder):
    e.log_model("cnn", write(folder, "weights", b"w" * 1000), file_name="weights.bin", metadata={"epoch": 3})
    e.log_model("cnn", io.BytesIO(b"config"), file_name="config.json")
    write(folder, "saved/a.bin", b"a")
    write(folder, "saved/inner/b.bin", b"b")
    e.log_model("folder", os.path.join(folder, "saved"))
    if CURRENT:
        e.log_remote_model("remote", "s3://bucket/models/m", metadata={"r": 1}, sync_mode=False)
