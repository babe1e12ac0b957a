#!/bin/sh
# Moves only some of a project: the values and series of experiments with one tag, without their assets.
#
#   examples/move-selected.sh WORKSPACE/PROJECT TAG WORKSPACE2/PROJECT2
#
# Source and destination come from the environment, as in move.sh.
set -eu
: "${3:?usage: move-selected.sh WORKSPACE/PROJECT TAG WORKSPACE2/PROJECT2}"

comet-export "$1" metadata metrics parameters others assets |
	comet-filter --tag "$2" metadata metrics parameters others |
	comet-import "$3"
