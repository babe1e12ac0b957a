"""Registers models, and changes them, by each of the ways there are."""

from sdk import CURRENT, KEYS, PROJECT, WORKSPACE, check, comet_ml

e = comet_ml.Experiment(
    workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["registry"], display_summary_level=0)
with open("w.bin", "wb") as f:
    f.write(b"w" * 100)
e.log_model("net", "w.bin", metadata={"k": 1})
e.flush()
if CURRENT:
    e.register_model("net", registry_name="live", public=False, description="D", comment="C", tags=["t"], status="QA",
                     metadata={"m": 1}, sync=True)
    e.register_model("net", registry_name="bare", sync=True)
e.end()

api = comet_ml.API(cache=False)
x = api.get_experiment_by_key(KEYS["registry"])
x.register_model("net", version="1.0.0", registry_name="by-rest", description="D", comment="first", **({"tags": ["prod"]} if CURRENT else {"stages": ["prod"]}))
x.register_model("net", version="1.1.0", registry_name="by-rest", comment="second")
api.update_registry_model(WORKSPACE, "by-rest", description="D2", public=True)
api.update_registry_model_notes(WORKSPACE, "by-rest", "# Notes")
api.update_registry_model_version(WORKSPACE, "by-rest", "1.1.0", comment="changed", stages=["a", "b"])
api.add_registry_model_version_stage(WORKSPACE, "by-rest", "1.1.0", "c")
api.delete_registry_model_version_stage(WORKSPACE, "by-rest", "1.1.0", "a")
x.register_model("net", version="2.0.0", registry_name="by-rest")
api.delete_registry_model_version(WORKSPACE, "by-rest", "2.0.0")
x.register_model("net", version="1.0.0", registry_name="gone")
api.update_registry_model(WORKSPACE, "gone", new_name="gone-too")
api.delete_registry_model(WORKSPACE, "gone-too")
api.download_registry_model(WORKSPACE, "by-rest", "1.0.0", output_path="got")
if CURRENT:
    model = api.get_model(WORKSPACE, "by-rest")
    model.set_status("1.0.0", "Production")
    model.add_tag("1.0.0", "tagged")
    model.add_tag("1.0.0", "gone")
    model.delete_tag("1.0.0", "gone")
    model.update_registry_model_metadata({"acc": 0.5, "nested": {"a": 1}}, version="1.0.0")
    from comet_ml.api_objects.model.status_configuration import ModelStatusConfiguration, StatusConfigurationItem

    model.update_registry_model_status_configuration(
        ModelStatusConfiguration("QA", True, [StatusConfigurationItem("k", "v")], comment="why"), version="1.0.0")
    check("versions", model.find_versions(), ["1.1.0", "1.0.0"])
    model.download("1.0.0", output_folder="downloaded")
