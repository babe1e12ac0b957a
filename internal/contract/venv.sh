#!/usr/bin/env bash
# Makes a Python with what requirements-NAME.txt, or a file that is named by its
# path, says for each NAME, where it is not there yet, and prints the interpreters,
# joined by colons:
#
#	COMET_SDK_PYTHON=$(internal/contract/venv.sh current 2023) go test ./internal/contract
#
# They are kept in the user's cache. PYTHON names the interpreter to begin with.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/comet-stream/contract

# The libraries of 2023 have no builds for the newest versions.
suited() {
  local python
  for python in ${PYTHON:-python3.11 python3.12 python3.10 python3}; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 9) < sys.version_info < (3, 13))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  echo "venv.sh: there is no Python 3.9 to 3.12 with venv (PYTHON names one)" >&2
  return 1
}

made=()
python=$(suited)
for name in "$@"; do
  pins=$here/requirements-$name.txt
  case $name in
    */*) pins=$name name=$(basename "$(dirname "$name")") ;;
  esac
  # Another list, or another Python, is another place.
  dir=$cache/$name-$({ "$python" -V; cat "$pins"; } | cksum | cut -d' ' -f1)
  if [ ! -e "$dir/complete" ]; then
    echo "venv.sh: installing $(grep -o '^[a-z-]*==[0-9.]*' "$pins" | head -1) in $dir" >&2
    rm -rf "$dir"
    "$python" -m venv "$dir" >&2
    "$dir/bin/pip" install --quiet --disable-pip-version-check -r "$pins" >&2
    touch "$dir/complete"
  fi
  made+=("$dir/bin/python")
done
(IFS=:; echo "${made[*]}")
