#!/usr/bin/env bash
# Puts a released weighlock into the runner's tool cache and says where it is, as the step output "program". What it
# downloads is run only when its checksum is the release's, and when it was built by the release workflow from that tag.
#
#   INPUT_VERSION     v1.2.3, latest, or empty for the release that the action is of: its tag (ACTION_REF), or what its change
#                     notes name first, so that v1 and a commit have theirs, too
#   INPUT_BINARY      a program to use instead
#   INPUT_PROVENANCE  false does without gh
#   WEIGHLOCK_RELEASES_URL  a mirror of https://github.com/weighlock/weighlock/releases
set -euo pipefail

repository=weighlock/weighlock
releases=${WEIGHLOCK_RELEASES_URL:-https://github.com/$repository/releases}

fail() {
  echo "::error::$*"
  exit 1
}

use() {
  echo "program=$1" >>"$GITHUB_OUTPUT"
  "$1" --version
  exit 0
}

if [ -n "${INPUT_BINARY:-}" ]; then
  [ -x "$INPUT_BINARY" ] || fail "binary: $INPUT_BINARY is not a program"
  use "$(cd "$(dirname "$INPUT_BINARY")" && pwd)/$(basename "$INPUT_BINARY")"
fi

exact='^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$'
version=${INPUT_VERSION:-}
if [ -z "$version" ]; then
  version=latest
  notes=$(awk '/^## / { print "v" $2; exit }' "$(dirname "${BASH_SOURCE[0]}")/../CHANGELOG.md" 2>/dev/null || true)
  for is in "${ACTION_REF:-}" "$notes"; do
    if [[ $is =~ $exact ]]; then
      version=$is
      break
    fi
  done
fi
if [ "$version" = latest ]; then
  page=$(curl -fsSL --retry 3 -o /dev/null -w '%{url_effective}' "$releases/latest") || fail "looking for the latest release at $releases: no answer"
  version=${page##*/}
fi
[[ $version =~ $exact ]] || fail "version $version: expected one such as v1.2.3, or latest"

case ${RUNNER_OS:-$(uname -s)} in
  Linux) os=linux ;;
  macOS | Darwin) os=darwin ;;
  Windows | MINGW* | MSYS*) os=windows ;;
  *) fail "there is no release for ${RUNNER_OS:-$(uname -s)}" ;;
esac
case ${RUNNER_ARCH:-$(uname -m)} in
  X64 | x86_64 | amd64) arch=amd64 ;;
  ARM64 | aarch64 | arm64) arch=arm64 ;;
  *) fail "there is no release for ${RUNNER_ARCH:-$(uname -m)}" ;;
esac

name=weighlock
[ $os = windows ] && name=weighlock.exe
dir=${RUNNER_TOOL_CACHE:-${RUNNER_TEMP:?}}/weighlock/${version#v}/$arch
# The mark says that all was verified: a download that was interrupted leaves none.
if [ -e "$dir.complete" ] && [ -x "$dir/$name" ]; then use "$dir/$name"; fi

archive=weighlock_${version#v}_${os}_$arch.tar.gz
tmp=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/weighlock.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
for file in "$archive" checksums.txt; do
  curl -fsSL --retry 3 -o "$tmp/$file" "$releases/download/$version/$file" || fail "downloading $releases/download/$version/$file"
done

if command -v sha256sum >/dev/null; then sum=$(sha256sum "$tmp/$archive"); else sum=$(shasum -a 256 "$tmp/$archive"); fi
sum=${sum%% *}
want=$(awk -v file="$archive" '$2 == file || $2 == "*" file { print $1 }' "$tmp/checksums.txt")
[ -n "$want" ] || fail "the release's checksums.txt does not list $archive"
[ "$sum" = "$want" ] || fail "the checksum of $archive is $sum, and the release says $want: it is not run"

if [ "${INPUT_PROVENANCE:-true}" != false ]; then
  command -v gh >/dev/null || fail "gh, which verifies where the release comes from, is not installed: install it, or say provenance: false"
  gh attestation verify "$tmp/$archive" --repo "$repository" \
    --signer-workflow "$repository/.github/workflows/release.yml" --source-ref "refs/tags/$version" >"$tmp/provenance.txt" 2>&1 ||
    fail "$archive was not built by $repository's release workflow from $version: $(tail -n 3 "$tmp/provenance.txt" | tr '\n' ' ')"
fi

mkdir -p "$tmp/new" "$(dirname "$dir")"
tar -xzf "$tmp/$archive" -C "$tmp/new" "$name"
rm -rf "$dir"
mv "$tmp/new" "$dir"
touch "$dir.complete"
use "$dir/$name"
