#!/usr/bin/env bash
# image.sh TAG VERSION: builds the image of bin/weighlock on scratch, by $BUILDER, by default buildah where that is, else docker.
# No registry is asked. The same program, git and certificates give the same layers.
set -euo pipefail
tag=$1 version=$2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
scripts/deps.sh busybox-static
scripts/image-rootfs.sh bin/rootfs bin/weighlock scratch
args=(--build-arg "VERSION=$version" --build-arg "REVISION=$(git rev-parse HEAD)" --build-arg "CREATED=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" --tag "$tag")
if [ "${BUILDER:-$(command -v buildah || echo docker)}" != docker ]; then
  buildah build --quiet --format docker --isolation chroot --timestamp "$SOURCE_DATE_EPOCH" "${args[@]}" .
else
  docker build --quiet "${args[@]}" .
fi
