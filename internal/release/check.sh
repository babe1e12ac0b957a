#!/usr/bin/env bash
# check.sh holds what goreleaser has left in dist to files.txt, and tries the tools
# of this platform as they come out of the archive: their version, and that they need
# nothing but themselves.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n 's/.*"version":"\([^"]*\)".*/\1/p' dist/metadata.json)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# listing prints the files of dist, and those in an archive and in a package. Which
# pages of documentation there are is not for this list to say.
listing() {
  local archive
  (cd dist && find . -maxdepth 1 -type f -name 'comet-stream*' | sed 's,^\./,,')
  archive=dist/comet-stream_${version}_linux_amd64
  tar -tzf "$archive.tar.gz" | sed 's,^,tar.gz: ,'
  mkdir "$work/deb"
  (cd "$work/deb" && ar x "$OLDPWD/$archive.deb" && tar -tzf data.tar.gz) | grep -v '/$' | sed 's,^\./*,/,; s,^,deb: ,'
}

listing | grep -v '/docs/' | sed "s/$version/VERSION/g" | LC_ALL=C sort | diff internal/release/files.txt - || {
  echo 'release: error: the files that were made are not those of internal/release/files.txt'
  exit 1
}

(cd dist && sha256sum --quiet -c "comet-stream_${version}_sha256.txt")

mkdir "$work/tar"
tar -xzf "dist/comet-stream_${version}_linux_amd64.tar.gz" -C "$work/tar" --strip-components 1
for tool in comet-export comet-filter comet-import; do
  said=$("$work/tar/$tool" --version)
  if [ "$said" != "$tool v$version" ]; then
    echo "release: error: $tool --version says $said, want v$version"
    exit 1
  fi
  if ldd "$work/tar/$tool" >/dev/null 2>&1; then
    echo "release: error: $tool wants libraries of the system"
    exit 1
  fi
done

# A software bill of materials names each module that the tools are made of.
go list -deps -f '{{with .Module}}{{.Path}}{{end}}' ./cmd/... | sort -u | while IFS= read -r module; do
  grep -q "\"$module\"" "dist/comet-stream_$version.cdx.json" || {
    echo "release: error: the bill of materials does not name $module"
    exit 1
  }
done
echo "release: comet-stream $version: $(wc -l <internal/release/files.txt) files as listed"
