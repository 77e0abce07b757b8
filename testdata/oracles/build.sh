#!/usr/bin/env bash
# Builds the programs that tests compare with, helm and kustomize, and prints the directory they are in.
#
#   build.sh              build, unless it has been done: takes minutes the first time
#   build.sh --print-dir  only print the directory, whether it exists or not
#
# The directory is in the user's cache, named by a hash of this module's files and the Go version: the same sources are
# built once, for all checkouts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cache() {
  if [ -n "${XDG_CACHE_HOME:-}" ]; then echo "$XDG_CACHE_HOME"
  elif [ "$(uname)" = Darwin ]; then echo "$HOME/Library/Caches"
  else echo "$HOME/.cache"; fi
}
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
hash() {
  { go env GOVERSION GOOS GOARCH; sha256 build.sh go.mod go.sum oracles.go; } | sha256 | cut -c1-16
}

root=$(cache)/weighlock/oracles
dir=$root/$(hash)
if [ "${1:-}" = --print-dir ]; then echo "$dir"; exit; fi
[ $# -eq 0 ] || { echo "usage: build.sh [--print-dir]" >&2; exit 2; }

mkdir -p "$root"
# One build at a time; where flock does not exist two do the same work and the first to finish wins.
if command -v flock >/dev/null; then
  exec 9>"$root/lock"
  flock -n 9 || { echo "build.sh: waiting for another build to end" >&2; flock 9; }
fi
if [ -d "$dir" ]; then echo "$dir"; exit; fi

new=$(mktemp -d "$root/new.XXXXXX")
trap 'rm -rf "$new"' EXIT
echo "build.sh: building helm and kustomize (a minute or two, once)" >&2
# Only the packages that oracles.go names are built, at go.mod's versions and go.sum's hashes.
version=$(go list -mod=readonly -m -f '{{.Version}}' sigs.k8s.io/kustomize/kustomize/v5)
GOBIN="$new" GOFLAGS=-mod=readonly CGO_ENABLED=0 go install -trimpath -ldflags "-s -w -X sigs.k8s.io/kustomize/api/provenance.version=$version" \
  sigs.k8s.io/kustomize/kustomize/v5 helm.sh/helm/v3/cmd/helm
[ -d "$dir" ] || mv "$new" "$dir"
chmod 755 "$dir"
echo "build.sh: built $dir" >&2

# The three newest builds stay; older ones are of sources that nobody has any more.
find "$root" -mindepth 1 -maxdepth 1 -type d ! -name 'new.*' -exec ls -1td {} + | tail -n +4 | while read -r old; do rm -rf "$old"; done
echo "$dir"
