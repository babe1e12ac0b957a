#!/usr/bin/env bash
# Moves a workspace in N shards with GNU parallel, on one host or, with --sshlogin, on
# many.
#
#   parallel.sh N WORKSPACE[/PROJECT] WORKSPACE2[/PROJECT2] [DIR]
#
# A task that fails for a reason that passes (exit code 5) is tried three times. Run
# again, all of it goes on where it stopped.
set -euo pipefail
: "${3:?usage: parallel.sh N WORKSPACE[/PROJECT] WORKSPACE2[/PROJECT2] [DIR]}"
here=$(cd "$(dirname "$0")" && pwd)
dir=${4:-.}

# Exit code 3 is for the last step to judge: it names what is still missing then.
seq 0 $(($1 - 1)) | parallel --jobs "${JOBS:-4}" --retries 3 --joblog "$dir/parallel.log" --halt soon,fail=100% \
	"$here/shard.sh" "{}/$1" "$2" "$3" "$dir" '||' '[ $? = 3 ]'
"$here/all.sh" "$3" "$dir"/shard.*-of-"$1".comet.zst
