#!/usr/bin/env bash
# Moves one of N shards of a workspace or project: the task of a batch system.
#
#   shard.sh K/N WORKSPACE[/PROJECT] WORKSPACE2[/PROJECT2] [DIR]
#
# It moves experiments, and all.sh what a workspace has beside them. The shard is kept in DIR. Run again, after whatever has ended it, the task goes on
# from there: an export from its partial file, an import with what is missing. It
# ends with the exit code of the tool that failed, for the batch system to act on:
# 2 and 6 fail the same way again, 3 and 4 concern this shard, 5 passes with time.
set -euo pipefail
: "${3:?usage: shard.sh K/N WORKSPACE[/PROJECT] WORKSPACE2[/PROJECT2] [DIR]}"
dir=${4:-.}
file=$dir/shard.${1/\//-of-}.comet.zst

# Run what is given; 3 says that something is named as missing, and the rest is good.
incomplete=0
run() {
	local code=0
	"$@" || code=$?
	case $code in
	0) ;;
	3) incomplete=3 ;;
	*) exit "$code" ;;
	esac
}

if [ ! -e "$file" ]; then
	run comet-export --shard "$1" -o "$file" "$2"
fi
# What refers to experiments of other shards is for all.sh: versions of artifacts and
# models, views, links.
move() { comet-filter -x -i "$file" artifacts models panels links | comet-import "$1"; }
run move "$3"
exit "$incomplete"
