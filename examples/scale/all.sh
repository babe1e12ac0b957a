#!/usr/bin/env bash
# Imports what a workspace has beside experiments, when those of every shard have been
# imported. Of what is at the destination already nothing is written again; what is not
# identical there in the end is named (exit code 7).
#
#   all.sh WORKSPACE2[/PROJECT2] FILE...
set -euo pipefail
: "${2:?usage: all.sh WORKSPACE2[/PROJECT2] FILE...}"
destination=$1
shift
comet-filter --join "$@" | comet-import --verify "$destination"
