#!/bin/sh
# Keeps a workspace or project in a file, checks the file, and restores it into another workspace.
#
#   examples/archive-restore.sh WORKSPACE[/PROJECT] FILE.comet.zst WORKSPACE2[/PROJECT2]
#
# A killed export goes on where it stopped when the same command is run again.
set -eu
: "${3:?usage: archive-restore.sh WORKSPACE[/PROJECT] FILE.comet.zst WORKSPACE2[/PROJECT2]}"

if [ ! -e "$2" ]; then
	comet-export -o "$2" "$1"
fi
comet-filter --check -i "$2"
comet-filter --list -i "$2"
comet-import -i "$2" "$3"
