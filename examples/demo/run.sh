#!/bin/sh
# Moves a project, and then the rest of its workspace, from one Comet-compatible server to another, through real pipes, and
# compares the two servers.
#
#   make demo
#
# Both servers are started here, listen on loopback alone, and are ended here.
set -eu
cd "$(dirname "$0")/../.."
began=$(date +%s)
work=$(mktemp -d)
servers=

cleanup() {
	# Only what was started here is ended.
	for pid in $servers; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $servers; do
		wait "$pid" 2>/dev/null || :
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n%s\n' "$*"; }

# start NAME SEED starts a server and leaves what it prints in $work/NAME.
start() {
	"$work/bin/sandbox" -workspace "$1" -seed "$2" >"$work/$1" &
	servers="$servers $!"
	until grep -q '^URL=' "$work/$1"; do
		kill -0 "$!" 2>/dev/null || { echo "the server $1 did not start" >&2; exit 1; }
		sleep 0.1
	done
}

# value NAME VARIABLE prints what the server NAME said.
value() { sed -n "s/^$2=//p" "$work/$1"; }

say 'Building the tools and the servers'
CGO_ENABLED=0 go build -o "$work/bin/" ./cmd/comet-export ./cmd/comet-filter ./cmd/comet-import ./examples/sandbox ./examples/demo
PATH=$work/bin:$PATH
# No setting of this machine, and no file of this user, has a say.
unset $(env | sed -n 's/^\(COMET_[A-Z_]*\)=.*/\1/p') || :
HOME=$work
export PATH HOME

say 'Starting two servers'
start demo demo
start lab empty
echo "source       $(value demo URL)"
echo "destination  $(value lab URL)"

export COMET_EXPORT_API_KEY="$(value demo COMET_API_KEY)" COMET_EXPORT_URL_OVERRIDE="$(value demo COMET_URL_OVERRIDE)"
export COMET_IMPORT_API_KEY="$(value lab COMET_API_KEY)" COMET_IMPORT_URL_OVERRIDE="$(value lab COMET_URL_OVERRIDE)"

say 'comet-export demo/vision | comet-filter --rename demo/vision=demo/digits | comet-import lab'
comet-export demo/vision | comet-filter --rename demo/vision=demo/digits | comet-import lab

say 'The rest of the workspace; what is there already is left alone'
say 'comet-export demo | comet-filter --rename demo/vision=demo/digits | comet-import lab'
comet-export demo | comet-filter --rename demo/vision=demo/digits | comet-import lab

say 'Comparing what the two servers hold'
demo "$(value demo URL)" demo "$(value lab URL)" lab vision=digits
echo
echo "$(($(date +%s) - began)) s"
