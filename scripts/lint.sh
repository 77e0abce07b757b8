#!/usr/bin/env bash
# lint.sh GOLANGCI DIR: runs golangci-lint on a copy of this checkout at DIR/tree, with DIR/cache as its cache. Places in what it
# says are relative to the checkout's root.
#
# What the linter keeps names files by where they were, and is told without its nolint once they are gone; what it keeps of dependencies
# takes three minutes of processor time to make. At one place for all checkouts all is of use to all.
set -euo pipefail
golangci=$1 dir=$2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p "$dir"
if command -v flock >/dev/null; then
  exec 9>"$dir/lock"
  flock -n 9 || { echo 'waiting for the linters of another checkout' >&2; flock 9; }
fi
rm -rf "$dir/tree"
mkdir "$dir/tree"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then printf '%s\0' "$file"; fi # else deleted, and git does not know yet
done | tar -c --null -T - | tar -x -C "$dir/tree"
cd "$dir/tree"
export GOLANGCI_LINT_CACHE=$dir/cache
"$golangci" run ./... >"$dir/said" 2>&1 && exit
if grep -qE '^(level=.* )?\.\./|can.t read file' "$dir/said"; then # findings of another place, which somebody linted with this cache
  rm -rf "$GOLANGCI_LINT_CACHE"
  exec "$golangci" run ./...
fi
cat "$dir/said"
exit 1
