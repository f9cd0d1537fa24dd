#!/usr/bin/env bash
# Removes the images that build.sh and base.sh made, and what building them left behind.
set -euo pipefail
cd "$(dirname "$0")/../.."
source e2e/docker/names.sh

for image in "${BUILT[@]}" "${LOCAL[@]}"; do
    ! is_there "$image" || docker image rm --force "$image"
done
# An engine with BuildKit keeps it in its cache instead: `docker builder prune`.
docker image prune --force --filter "label=$BUILD_LABEL"
