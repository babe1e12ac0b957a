"""Starts experiments in each of the modes of comet_ml.start()."""

import os

from sdk import CURRENT, KEYS, PROJECT, WORKSPACE, check, comet_ml, command, refused

if CURRENT:
    config = comet_ml.ExperimentConfig(display_summary_level=0, name="started", tags=["started"], offline_directory=".")

    def start(mode, key, online=True):
        e = comet_ml.start(
            workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS[key], mode=mode, online=online, experiment_config=config)
        e.log_metric("m", 1, step=1)
        e.end()
        return e.get_key()

    check("create", start("create", "startcreate"), KEYS["startcreate"])
    refused("create what is there", start, "create", "startcreate")
    check("get", start("get", "startcreate"), KEYS["startcreate"])
    refused("get what is not there", start, "get", "startoffline")
    check("get or create, new", start("get_or_create", "startgetorcreate"), KEYS["startgetorcreate"])
    check("get or create, known", start("get_or_create", "startgetorcreate"), KEYS["startgetorcreate"])
    check("offline", start("create", "startoffline", online=False), KEYS["startoffline"])
    command("upload", *[name for name in os.listdir(".") if name.endswith(".zip")])
else:
    e = comet_ml.Experiment(
        workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["startcreate"], display_summary_level=0)
    e.log_metric("m", 1, step=1)
    e.end()
