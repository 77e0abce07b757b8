#!/usr/bin/env bash
# screenshots.sh [DIRECTORY]: takes pictures of the comments that cmd/screenshots renders, into docs/pictures or DIRECTORY.
# Needs Debian's chromium, pngquant and fonts: apt-get install -y chromium pngquant fonts-noto-core fonts-noto-color-emoji
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$(realpath -m "${1:-docs/pictures}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$out"
go run ./cmd/screenshots "$dir"
take() { # HTML PNG HEIGHT
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$dir/profile" \
    --force-device-scale-factor=1.5 --window-size="900,$3" --screenshot="$2" "file://$1" >/dev/null 2>"$dir/log" || { cat "$dir/log" >&2; exit 1; }
}
for page in "$dir"/*.html; do
  name=$(basename "$page" .html)
  # The page says how high it is; a picture is taken of just that.
  height=$(chromium --headless --no-sandbox --disable-gpu --user-data-dir="$dir/profile" --window-size=900,200 --dump-dom \
    "file://$page" 2>"$dir/log" | sed -n 's/.*data-height="\([0-9]*\)".*/\1/p' | head -1)
  take "$page" "$dir/$name.png" "${height:?the page does not say how high it is}"
  pngquant --force --speed 1 --output "$out/$name.png" 64 "$dir/$name.png"
done
