"""Logs live all that a user can, and goes on with the experiment later."""

import os

import everything
from sdk import KEYS, PROJECT, WORKSPACE, check, comet_ml

everything.repository(os.path.join(os.getcwd()))
e = comet_ml.Experiment(
    workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["live"], log_git_metadata=True, log_git_patch=True,
    log_env_details=True, log_env_host=True, log_env_cpu=True, auto_output_logging="simple", parse_args=True,
    display_summary_level=0)
check("key", e.get_key(), KEYS["live"])
e.set_name("live run")
everything.log(e)
for content in ("one", "two"):
    e.log_asset_data(content, name="twice.txt", overwrite=True)
    e.flush()
check("metric", e.get_metric("stepped"), 1)
check("parameter", e.get_parameter("lr"), 0.001)
check("other", e.get_other("note"), "a text")
check("name", e.get_name(), "live run")
check("tags", sorted(e.get_tags()), sorted(["one", "two", "tag with spaces", "ünïcode"]))
e.send_notification("done", status="finished", additional_data={"a": 1})
e.create_symlink(PROJECT + "-linked")
e.end()

again = comet_ml.ExistingExperiment(previous_experiment=KEYS["live"], display_summary_level=0)
again.log_metric("resumed", 1, step=1)
again.log_other("resumed", "yes")
again.end()
