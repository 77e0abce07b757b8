#!/usr/bin/env bash
# release-notes.sh VERSION: prints what CHANGELOG.md says of a version, for the release's page. A version that it does not
# list, or of which it says nothing, is an error: releases come with change notes.
set -euo pipefail
version=${1#v}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
notes=$(awk -v title="## $version" '
  /^## / { shown = ($0 == title || index($0, title " ") == 1) ; next }
  shown { print }' CHANGELOG.md)
[ -n "${notes//[[:space:]]/}" ] || { echo "CHANGELOG.md has no notes under \"## $version\"" >&2; exit 1; }
printf '%s\n' "$notes"
