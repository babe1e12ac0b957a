"""Goes on with what was moved: resumes an experiment, downloads a model and adds a
version of it, uses and adds to an artifact, archives."""

import os

from sdk import CURRENT, KEYS, PROJECT, WORKSPACE, check, comet_ml

api = comet_ml.API(cache=False)
before = len(api.get_experiment_by_key(KEYS["live"]).get_metrics("loss"))
e = comet_ml.ExistingExperiment(previous_experiment=KEYS["live"], display_summary_level=0)
e.log_metric("loss", 0.5, step=1000)
e.log_asset_data("after the move", name="after.txt")
got = e.get_artifact("data set", WORKSPACE, "best")
check("alias after the move", str(got.version), "2.1.0")
local = got.download("data")
local.version = "4.0.0"
e.log_artifact(local)
e.end()
x = api.get_experiment_by_key(KEYS["live"])
check("points", len(x.get_metrics("loss")), before + 1)
check("name", x.get_name(), "live run")
check("assets of the name", len([a for a in x.get_asset_list() if a["fileName"] == "after.txt"]), 1)
check("versions", [v["version"] for v in api.get_artifact_details(WORKSPACE, "data set")["versions"]],
      ["1.0.0", "2.1.0", "3.0.0", "4.0.0"])

r = api.get_experiment_by_key(KEYS["registry"])
r.download_model("net", "model")
check("model", os.path.getsize("model/w.bin"), 100)
r.register_model("net", version="9.0.0", registry_name="by-rest")
check("versions of the model", sorted(api.get_registry_model_versions(WORKSPACE, "by-rest")), ["1.0.0", "1.1.0", "9.0.0"])
if CURRENT:
    again = comet_ml.start(workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["startcreate"], mode="get")
    again.log_metric("m", 2, step=2)
    again.end()
    check("metric", len(api.get_experiment_by_key(KEYS["startcreate"]).get_metrics("m")), 3)
api.archive_experiment(KEYS["live"])
check("archived", api.get_experiment_by_key(KEYS["live"]).archived, True)
