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
for target in nightjar-standalone nightjar-central sample-service; do
    log=target/docker-$target.log began=$SECONDS
    echo "docker: building ${BUILT[$target]} (the first of them takes some minutes; $log has its progress)"
    docker build --target "$target" --tag "${BUILT[$target]}" \
        --build-arg RUST_IMAGE="${USED[rust]}" \
        --build-arg ENVOY_IMAGE="${USED[envoy]}" \
        --build-arg RUNTIME_IMAGE="${USED[runtime]}" \
        --build-arg REVISION="$revision" . >"$log" 2>&1 ||
        { tail -n 40 "$log" >&2; exit 1; }
    echo "docker: ${BUILT[$target]} is built, after $((SECONDS - began)) s"
done
