#!/usr/bin/env bash
# with-cluster.sh COMMAND…: runs the command with a test cluster of its own, told by WEIGHLOCK_TEST_CLUSTER, unless one is
# told already. The cluster ends with the command. What the command keeps in TMPDIR is kept in memory, see in_memory.
set -euo pipefail

# Tests make and remove small files by the hundred thousand, and ext4 spends more time on finding an inode that was not in use just
# before than git does on all it is asked. in_memory prints a directory for them, if there is one in memory that programs may be run
# from, and with several times the room that tests take (300 MB). Whoever has set TMPDIR keeps it.
in_memory() {
  local dir room
  [ -z "${TMPDIR:-}" ] || return 0
  room=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $1 == "tmpfs" { print $4 }')
  [ "${room:-0}" -ge 2000000 ] && dir=$(mktemp -d /dev/shm/wl.XXXXXX 2>/dev/null) || return 0
  printf '#!/bin/sh\n' >"$dir/try"
  chmod 755 "$dir/try"
  if ! "$dir/try" 2>/dev/null; then rm -rf "$dir"; return 0; fi
  rm "$dir/try"
  chmod 1777 "$dir" # PostgreSQL is run as a user without rights
  echo "$dir"
}

if [ -n "${WEIGHLOCK_TEST_CLUSTER:-}" ]; then exec "$@"; fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$("$root/testdata/cluster/build.sh" --print-dir)/cluster
if [ ! -x "$program" ]; then
  "$root/testdata/cluster/build.sh" >/dev/null
fi
dir=$(mktemp -d)
memory=$(in_memory)
finish() {
  if [ -s "$dir/error.txt" ]; then cat "$dir/error.txt" >&2; fi # why the cluster ended, if it did so by itself
  "$program" down --dir "$dir" >/dev/null || true
  rm -rf "$dir" ${memory:+"$memory"}
}
trap finish EXIT
"$program" up --detach --dir "$dir" >/dev/null
if [ -n "$memory" ]; then
  export GOTMPDIR=${GOTMPDIR:-/tmp} # what go builds is too large
  export TMPDIR=$memory
fi
WEIGHLOCK_TEST_CLUSTER=$dir/env.json "$@"
