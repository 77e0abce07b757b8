#!/usr/bin/env bash
# deps.sh [PACKAGE…]: installs the Debian packages that tests and demo need, and those that are named. Idempotent; says what it does. Works as root, or with sudo.
set -euo pipefail

packages=(git gcc libc6-dev ca-certificates postgresql pgbouncer "$@")

missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "these Debian packages are missing and need root to install: ${missing[*]}" >&2; exit 1; }
  sudo=sudo
fi
echo "installing Debian packages: ${missing[*]}"
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
