"""Leaves the zip of an offline run, and uploads it by the command line."""

import os
import sys

import everything
from sdk import KEYS, PROJECT, WORKSPACE, comet_ml, command, known

folder = sys.argv[1]
everything.repository(os.getcwd())
e = comet_ml.OfflineExperiment(
    workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["offline"], offline_directory=folder, display_summary_level=0)
e.set_name("offline run")
everything.values(e)
e.add_tags(["one", "ünïcode"])
e.log_other("note", "a text")
e.log_others({"number": 3, "flag": True})
e.log_html("<b>bold</b>")
e.log_asset_data({"a": [1, 2.50]}, name="data.json", metadata={"k": 1.0})
e.log_remote_asset("s3://bucket/key", remote_file_name="key")
e.log_text("a sample", step=3)
e.log_confusion_matrix([0, 1, 1], [0, 1, 0])
for value in (3, "text", -1, 2.5, None):  # a server keeps the least and the greatest
    e.log_other("changing", value)
e.log_parameter("with a step", "x", step=2.5)
e.log_system_info("driver", "535.1")
e.log_system_info("driver", "536.0")
picture = everything.write(os.getcwd(), "dot.png", b"\x89PNG")
known(e.log_image)(picture, name="dir/dot", step=2, metadata={"\u00fc": "\u00e4"})
e.log_image(picture)
for content in (b"\x89PNG one", b"\x89PNG two"):
    e.log_image(everything.write(os.getcwd(), "again.png", content), name="again", overwrite=True)
    e.log_asset_data(content.decode("latin-1"), name="again.txt", overwrite=True)
e.end()
# The SDK uploads files side by side, in whatever order: of two that replace each
# other, one at a time leaves the later.
os.environ["COMET_INTERNAL_WORKER_COUNT"] = "1"
command("upload", *[os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".zip")])
