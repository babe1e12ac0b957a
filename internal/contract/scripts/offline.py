"""Logs offline all that a user can, and uploads the archives by the command line:
anew, again under the same key, as another experiment, and to another project."""

import os

import everything
from sdk import CURRENT, KEYS, PROJECT, WORKSPACE, check, comet_ml, command


def archive(folder):
    return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".zip")][0]


everything.repository(os.path.join(os.getcwd()))
e = comet_ml.OfflineExperiment(
    workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["offline"], offline_directory="first",
    auto_output_logging="simple", display_summary_level=0)
e.set_name("offline run")
everything.log(e)
e.end()
command("upload", archive("first"))

api = comet_ml.API(cache=False)


def keys(project):
    return sorted(x.id for x in api.get_experiments(WORKSPACE, project))


before = keys(PROJECT)
check("the key of the archive", KEYS["offline"] in before, True)
command("upload", "--force-reupload", archive("first"))
made = [k for k in keys(PROJECT) if k not in before]
check("experiments made by --force-reupload", len(made), 1)
check("assets of the second", len(api.get_experiment_by_key(made[0]).get_asset_list()),
      len(api.get_experiment_by_key(KEYS["offline"]).get_asset_list()))
for key in made:  # its key is another each time
    api.delete_experiment(key)

again = comet_ml.ExistingOfflineExperiment(
    previous_experiment=KEYS["offline"], offline_directory="second", display_summary_level=0)
again.log_metric("resumed", 1, step=1)
again.log_asset_data("more", name="more.txt")
again.end()
command("upload", archive("second"))

other = comet_ml.OfflineExperiment(
    workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["offlineagain"], offline_directory="third",
    display_summary_level=0)
other.log_parameter("a", 1)
other.end()
command("upload", "--workspace", WORKSPACE, "--project-name", PROJECT, archive("third"))
command("offline", archive("third"))
if CURRENT:
    command("check")
