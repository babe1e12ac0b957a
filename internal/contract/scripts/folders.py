"""Runs a command of cometx: folders.py download|copy ARG ...

A script of the name of cometx, which is in the way of Python, would be taken for
cometx by the command itself, and run for ever.
"""

import sys

from comet_ml import API
from cometx.cli import main
from sdk import PROJECT, WORKSPACE

if sys.argv[1] == "prepare":
    # Without these whole experiments can be compared: a scene is an asset of parts,
    # which no call reads, and a remote asset that cometx cannot fetch, as it tries
    # to of a link to the web, ends its download of assets.
    for experiment in API().get_experiments(WORKSPACE, PROJECT):
        for asset in experiment.get_asset_list():
            if asset["type"] == "3d-image" or asset["remote"] and asset["link"].startswith("http"):
                experiment.delete_asset(asset["assetId"])
else:
    sys.argv[0] = "cometx"
    main()
