#!/usr/bin/env bash
# with-cluster.sh COMMAND…: runs the command with a test cluster of its own, told by WEIGHLOCK_TEST_CLUSTER, unless one is
# told already. The cluster ends with the command.
set -euo pipefail
if [ -n "${WEIGHLOCK_TEST_CLUSTER:-}" ]; then exec "$@"; fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$("$root/testdata/cluster/build.sh" --print-dir)/cluster
if [ ! -x "$program" ]; then
  "$root/testdata/cluster/build.sh" >/dev/null
fi
dir=$(mktemp -d)
finish() {
  if [ -s "$dir/error.txt" ]; then cat "$dir/error.txt" >&2; fi # why the cluster ended, if it did so by itself
  "$program" down --dir "$dir" >/dev/null
  rm -rf "$dir"
}
trap finish EXIT
"$program" up --detach --dir "$dir" >/dev/null
WEIGHLOCK_TEST_CLUSTER=$dir/env.json "$@"
