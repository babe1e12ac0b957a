#!/bin/sh
# Moves a project, or a whole workspace, from one instance to another, and proves that it arrived.
#
#   COMET_EXPORT_API_KEY=… COMET_EXPORT_URL_OVERRIDE=https://…  the source
#   COMET_IMPORT_API_KEY=… COMET_IMPORT_URL_OVERRIDE=https://…  the destination
#   examples/move.sh WORKSPACE[/PROJECT] WORKSPACE2[/PROJECT2]
#
# Killed, or failed for any reason? Run it again.
set -eu
: "${2:?usage: move.sh WORKSPACE[/PROJECT] WORKSPACE2[/PROJECT2]}"

# The exit status of a pipe is that of comet-import, which returns a failure of
# comet-export too: the stream itself says whether it is whole.
comet-export "$1" | comet-import --report import.jsonl "$2"
comet-export "$1" | comet-import --verify-only "$2"
