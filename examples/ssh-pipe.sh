#!/bin/sh
# Moves a project between two networks: the source is reached from HOST alone, the destination from here alone.
#
#   examples/ssh-pipe.sh HOST WORKSPACE/PROJECT WORKSPACE2/PROJECT2
#
# HOST has comet-export and its own credentials (~/.comet.config). SSH names another program than ssh.
set -eu
: "${3:?usage: ssh-pipe.sh HOST WORKSPACE/PROJECT WORKSPACE2/PROJECT2}"

# ssh joins its arguments into one line for a shell on HOST, so the path is quoted for that shell.
path=$(printf '%s' "$2" | sed "s/'/'\\\\''/g")
${SSH:-ssh} "$1" "comet-export '$path'" | comet-import "$3"
