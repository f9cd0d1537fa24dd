#!/usr/bin/env bash
# Builds the images nightjar-standalone, nightjar-central and sample-service.
#
# RUST_IMAGE, ENVOY_IMAGE and RUNTIME_IMAGE choose what they are made from.
set -euo pipefail
cd "$(dirname "$0")/../.."
source e2e/docker/names.sh

docker version >/dev/null || { echo "docker: no engine answers" >&2; exit 1; }
use_bases rust envoy runtime
mkdir -p target
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
[[ -z $(git status --porcelain 2>/dev/null) ]] || revision+=-dirty
for name in standalone central sample; do
    log=target/docker-$name.log began=$SECONDS
    echo "docker: building ${BUILT[$name]} (the first of them takes some minutes; $log has its progress)"
    docker build --file "${DOCKERFILE[$name]}" --tag "${BUILT[$name]}" \
        --build-arg RUST_IMAGE="${USED[rust]}" \
        --build-arg ENVOY_IMAGE="${USED[envoy]}" \
        --build-arg RUNTIME_IMAGE="${USED[runtime]}" \
        --build-arg REVISION="$revision" . >"$log" 2>&1 ||
        { tail -n 40 "$log" >&2; exit 1; }
    echo "docker: ${BUILT[$name]} is built, after $((SECONDS - began)) s"
done
