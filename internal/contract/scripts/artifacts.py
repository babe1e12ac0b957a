"""Logs, reads, changes and consumes artifacts."""

import os

from sdk import KEYS, PROJECT, WORKSPACE, check, comet_ml, refused


def run(key):
    return comet_ml.Experiment(
        workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS[key], display_summary_level=0)


def content(name, size):
    os.makedirs("data/sub", exist_ok=True)
    with open(os.path.join("data", name), "wb") as f:
        f.write(os.urandom(size) if size > 4096 else b"x" * size)


content("a.csv", 10)
content("sub/b.bin", 5000)
e = run("artifacts")
first = comet_ml.Artifact("data set", "dataset", aliases=["raw"], metadata={"rows": 10}, version_tags=["t1"])
first.add("data/a.csv", logical_path="a.csv", metadata={"m": 1})
first.add("data/sub", logical_path="sub")
first.add_remote("s3://bucket/key.bin", logical_path="key.bin", metadata={"etag": "x"}, sync_mode=False)
logged = e.log_artifact(first)
e.flush()
check("version", str(logged.version), "1.0.0")

second = comet_ml.Artifact("data set", "dataset", version="2.1.0", aliases=["raw", "best"])
second.add("data/a.csv", metadata={"m": 2})
second.add_remote("https://example.com/x", logical_path="x")
e.log_artifact(second)
e.flush()
refused("a version that exists", e.log_artifact, comet_ml.Artifact("data set", "dataset", version="2.1.0"))
e.end()

use = run("consumer")
got = use.get_artifact("data set", WORKSPACE, "raw")
check("alias", str(got.version), "2.1.0")
got = use.get_artifact("data set", WORKSPACE, "1.0.0")
local = got.download("downloaded")
check("files", sorted(a.logical_path for a in local.assets), ["a.csv", "key.bin", "sub/b.bin"])
with open("downloaded/a.csv", "rb") as f:
    check("content", f.read(), b"x" * 10)
local.version = "3.0.0"
local.aliases = {"derived"}
local.metadata = {"rows": 11}
use.log_artifact(local)
use.flush()
got = use.get_artifact("data set", WORKSPACE, "3.0.0")
got.update_aliases(["derived", "new"])
got.update_version_tags(["vt"])
got.update_artifact_tags(["at"])
refused("an artifact that is not there", use.get_artifact, "none", WORKSPACE, "1.0.0")
refused("a version that is not there", use.get_artifact, "data set", WORKSPACE, "9.9.9")
use.end()
