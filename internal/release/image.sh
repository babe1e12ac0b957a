#!/usr/bin/env bash
# image.sh builds the container image of what goreleaser has left in dist, for this
# platform, and tries it: as the user that the image names, the tools run, write a
# temporary file, and check a stream. Needs buildah, and neither a daemon nor a
# registry.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
buildah() { command buildah --root "$work/root" --runroot "$work/run" "$@"; }

version=$(sed -n 's/.*"version":"\([^"]*\)".*/\1/p' dist/metadata.json)
arch=$(go env GOARCH)
mkdir -p "$work/context/linux/$arch" "$work/context/internal/release"
tar -xzf "dist/comet-stream_${version}_linux_$arch.tar.gz" -C "$work/context/linux/$arch" --strip-components 1
cp -R internal/release/image "$work/context/internal/release/"

buildah build --quiet --platform "linux/$arch" -f Dockerfile -t comet-stream "$work/context" >/dev/null
container=$(buildah from --pull-never comet-stream)
for tool in comet-export comet-filter comet-import; do
  said=$(buildah run "$container" -- "$tool" --version)
  if [ "$said" != "$tool v$version" ]; then
    echo "image: error: $tool --version says $said, want v$version"
    exit 1
  fi
done
# What comes out of the pipe is what went in, and a file in the folder of data is
# its own.
golden=stream/testdata/good-all-kinds.comet.zst
buildah run "$container" -- comet-filter -q -o out.comet.zst <"$golden"
want=$("$work/context/linux/$arch/comet-filter" -q --sum <"$golden")
got=$(buildah run "$container" -- comet-filter -q --sum -i out.comet.zst)
if [ "$got" != "$want" ]; then
  echo "image: error: a stream that went through the image has other sums:"
  diff <(echo "$want") <(echo "$got")
  exit 1
fi
echo "image: comet-stream $version runs as $(buildah inspect --format '{{.OCIv1.Config.User}}' "$container")"
