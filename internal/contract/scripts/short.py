"""Logs a little and reads it back: what the tests of the test break."""

from sdk import PROJECT, WORKSPACE, check, comet_ml

e = comet_ml.Experiment(workspace=WORKSPACE, project_name=PROJECT, display_summary_level=0)
e.add_tag("tag")
e.log_metric("m", 0.5, step=1)
e.log_other("o", "v")
e.log_asset_data("content", name="a.txt")
e.end()
x = comet_ml.API(cache=False).get_experiment_by_key(e.get_key())
check("tags", x.get_tags(), ["tag"])
check("metric", [p["metricValue"] for p in x.get_metrics("m")], ["0.5"])
check("other", [o["valueCurrent"] for o in x.get_others_summary() if o["name"] == "o"], ["v"])
assets = [a["assetId"] for a in x.get_asset_list() if a["fileName"] == "a.txt"]
check("assets", [x.get_asset(a) for a in assets], [b"content"])
