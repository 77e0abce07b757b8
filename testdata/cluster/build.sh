#!/usr/bin/env bash
# Builds the test cluster's programs (cluster, kwok, kubectl) and prints the directory they are in.
#
#   build.sh              build, unless it has been done: takes minutes the first time, needs about 5 GB for Go's build cache
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
  { go env GOVERSION GOOS GOARCH
    find . -type f ! -name '*.md' ! -name '.*' | LC_ALL=C sort | while read -r file; do sha256 "$file"; done
  } | sha256 | cut -c1-16
}

root=$(cache)/weighlock/cluster
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

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${version#v}"
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
done

new=$(mktemp -d "$root/new.XXXXXX")
trap 'rm -rf "$new"' EXIT
echo "build.sh: building Kubernetes $version, etcd and kwok (5 to 10 minutes on 2 cores the first time)" >&2
# go build -v names each package that it compiles: enough to show that it is alive, too much to read.
CGO_ENABLED=0 go build -v -trimpath -ldflags "$flags" -o "$new/" . sigs.k8s.io/kwok/cmd/kwok k8s.io/kubernetes/cmd/kubectl 2>&1 |
  awk '/^[a-z0-9][^ :]*$/ { if (++n % 100 == 0) print "build.sh: " n " packages compiled"; next } { print }' >&2
chmod 755 "$new"
[ -d "$dir" ] || mv "$new" "$dir"
echo "build.sh: built $dir" >&2

# The three newest builds stay; older ones are of sources that nobody has any more.
find "$root" -mindepth 1 -maxdepth 1 -type d ! -name 'new.*' -exec ls -1td {} + | tail -n +4 | while read -r old; do rm -rf "$old"; done
echo "$dir"
