#!/usr/bin/env bash
# gotool.sh PACKAGE VERSION FILE: builds a Go program by name and version and puts it at FILE.
set -euo pipefail
package=$1 version=$2 file=$3
echo "building ${package##*/} $version (once, a few minutes)"
mkdir -p "$(dirname "$file")"
tmp=$(mktemp -d "$(dirname "$file")/new.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
(cd "$tmp" && GOBIN="$tmp" GOFLAGS=-trimpath CGO_ENABLED=0 go install "$package@$version")
mv "$tmp/${package##*/}" "$file"
