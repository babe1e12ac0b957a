"""Writes by the REST API all that an APIExperiment and an API can."""

import os

from sdk import CURRENT, PROJECT, WORKSPACE, check, comet_ml, known

NOW = 1700000000000


def experiment(api):
    e = comet_ml.APIExperiment(workspace=WORKSPACE, project_name=PROJECT)
    e.set_name("by REST")
    e.add_tag("one")
    e.add_tags(["two", "three"])
    known(e.log_metric)("m", 0.5, step=1, epoch=2, timestamp=NOW)
    known(e.log_metrics)({"a": 1, "b": 2.5}, step=3)
    e.log_metric("nan", float("nan"), step=1)
    e.log_metric("infinite", float("-inf"), step=1)
    e.log_parameter("p", "v", step=1, timestamp=NOW)
    e.log_parameters({"q": 1, "r": [1, 2]})
    if CURRENT:
        e.log_parameters({"model": {"lr": 0.1, "layers": {"n": 2}}}, nested_support=True)
    e.log_other("o", 1, timestamp=NOW)
    e.log_html("<p>one</p>")
    e.log_html("<p>two</p>", clear=True, timestamp=NOW)
    e.log_output("first line\n", timestamp=NOW)
    e.log_output("a warning\n", context="train", stderr=True)
    e.set_code("print(1)\n")
    e.set_model_graph("graph { a -- b }")
    e.set_filename("train.py")
    e.log_additional_system_info("k", "v")
    e.log_cpu_metrics([10, 20], step=1, timestamp=NOW)
    e.log_gpu_metrics([{"gpuId": 0, "freeMemory": 1, "usedMemory": 2, "gpuUtilization": 3, "totalMemory": 4}])
    e.log_load_metrics(0.5, step=1)
    e.log_ram_metrics(100, 50, step=1)
    system(e)
    e.set_git_metadata("a@example.com", "abc", "refs/heads/main", "def", "git@example.com:x.git")
    with open("patch.diff", "w") as f:
        f.write("diff --git a/x b/x\n")
    e.set_git_patch("patch.diff")
    assets(e)
    e.set_start_time(NOW)
    e.set_end_time(NOW + 60000)
    e.update_status()
    return e


def system(e):
    e.set_command(["python", "train.py"])
    e.set_executable("/usr/bin/python")
    e.set_gpu_static_info([{"gpuIndex": 0, "name": "A100", "uuid": "GPU-1", "totalMemory": 42505273344, "powerLimit": 400000}])
    e.set_hostname("box")
    e.set_installed_packages(["numpy==1.26.0"])
    e.set_ip("10.0.0.3")
    e.set_network_interface_ips(["10.0.0.3"])
    e.set_machine("x86_64")
    e.set_os("Linux-6")
    e.set_os_packages(["libc6=2.36"])
    e.set_os_release("6.1")
    e.set_os_type("Linux")
    e.set_pid(42)
    e.set_processor("x86_64")
    e.set_python_version("3.11.0")
    e.set_python_version_verbose("3.11.0 (main)")
    e.set_user("root")


def assets(e):
    for name in ("file.bin", "gone.bin"):
        with open(name, "wb") as f:
            f.write(bytes(1000))
    known(e.log_asset)("file.bin", step=1, name="named.bin", context="train", ftype="asset", metadata={"a": 1})
    e.log_asset("gone.bin")
    with open("dot.png", "wb") as f:
        f.write(b"\x89PNG")
    known(e.log_image)("dot.png", image_name="dot", step=1, metadata={"m": 1})
    known(e.log_curve)("c", [1, 2], [3, 4], step=1)
    e.log_table("t.csv", tabular_data=[[1, 2]], headers=["a", "b"])
    if CURRENT:
        with open("v.mp4", "wb") as f:
            f.write(bytes(10))
        e.log_video("v.mp4", name="v.mp4", step=1, context="train", metadata={"fps": 1})
    gone = [a["assetId"] for a in e.get_asset_list() if a["fileName"] == "gone.bin"]
    check("assets of the name", len(gone), 1)
    e.delete_asset(gone[0])


def projects(api):
    made = PROJECT + "-made"
    api.create_project(WORKSPACE, made, project_description="D", public=False)
    project = api.get_project(WORKSPACE, made)["projectId"]
    api.update_project(WORKSPACE, made, new_project_name=made + "2", description="D2", public=True)
    api.update_project_by_id(project, new_project_name=made, description="D3", public=False)
    api.set_project_notes(WORKSPACE, PROJECT, "# Notes\n")
    share = api.create_project_share_key(project)
    api.delete_project_share_key(project, share["shareKey"] if isinstance(share, dict) and "shareKey" in share else api.get_project_share_keys(project)[0])
    api.create_project_share_key(api.get_project(WORKSPACE, PROJECT)["projectId"])
    if CURRENT:
        api.set_project_owner(project, api.get_account_details()["userName"])
    e = comet_ml.APIExperiment(workspace=WORKSPACE, project_name=made)
    api.move_experiments([e.id], WORKSPACE, PROJECT + "-other")
    api.move_experiments([e.id], WORKSPACE, made, symlink=True)
    api.delete_experiment(e.id)
    api.delete_project(WORKSPACE, made, delete_experiments=True)


def views(api, e):
    from comet_ml.api_objects.view import View

    made = api.create_view(WORKSPACE, PROJECT, View(name="Overview", chart_state='{"sections": []}', v3={"sections": []}))
    made.query_state = '{"rules": []}'
    own = e.create_view(View(name="Mine", table_state='{"columns": []}', v2={"panels": [{"experimentKeys": [e.id]}]}))
    check("view of a project", made.view_source, "dashboard_template")
    check("view of an experiment", (own.view_source, own.experiment_key), ("chart_template", e.id))


def deletions(e):
    e.log_parameters({"x": 1, "y": 2, "z": 3})
    e.delete_parameter("x")
    e.delete_parameters(["y", "z"])
    e.add_tag("gone")
    e.delete_tags(["gone"])


def states(api):
    e = comet_ml.APIExperiment(workspace=WORKSPACE, project_name=PROJECT)
    e.set_name("crashed")
    if CURRENT:
        e.set_state("crashed")
        check("state", e.get_state(), "crashed")
    e.create_symlink(PROJECT + "-linked")
    done = comet_ml.APIExperiment(workspace=WORKSPACE, project_name=PROJECT)
    done.set_name("archived")
    if CURRENT:
        done.set_state("finished")
    api.archive_experiment(done.id)
    api.restore_experiment(done.id)
    api.stop_experiment(done.id)
    done.archive()


api = comet_ml.API(cache=False)
e = experiment(api)
if CURRENT:
    views(api, e)
    deletions(e)
    e.set_state("finished")
    e.set_end_time(NOW + 60000)
e.end()
projects(api)
states(api)
