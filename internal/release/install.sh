#!/usr/bin/env bash
# install.sh tries "go install …@latest" as it works once a version is tagged: with a
# clone of this repository in place of the one on the network, and a tag.
set -euo pipefail
cd "$(dirname "$0")/../.."

module=$(go list -m)
tag=v0.0.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q --bare . "$work/repository.git"
git -C "$work/repository.git" -c user.name=test -c user.email=test@localhost tag -f -m "$tag" "$tag" HEAD >/dev/null

export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$work/repository.git.insteadOf" GIT_CONFIG_VALUE_0="https://$module"
# The other modules are those that have been fetched already.
GOPROXY=file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)
export GOPROXY GOMODCACHE=$work/modules GOPRIVATE=$module GOBIN=$work/bin GOFLAGS='-trimpath -modcacherw'
(cd "$work" && go install "$module/cmd/...@latest")
for tool in comet-export comet-filter comet-import; do
  said=$("$work/bin/$tool" --version)
  if [ "$said" != "$tool $tag" ]; then
    echo "install: error: $tool --version says $said, want $tag"
    exit 1
  fi
done
echo "install: go install $module/cmd/...@latest gives the three tools, $tag"
