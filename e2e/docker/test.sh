#!/usr/bin/env bash
# Builds the images, and tests them and the compose examples on the Docker Engine that answers here.
set -euo pipefail
cd "$(dirname "$0")/../.."
source e2e/docker/names.sh

e2e/docker/lint.sh
e2e/docker/build.sh
e2e/docker/sizes.sh
use_bases moto rust
export NIGHTJAR_STANDALONE_IMAGE=${BUILT[nightjar-standalone]} NIGHTJAR_CENTRAL_IMAGE=${BUILT[nightjar-central]}
export SAMPLE_SERVICE_IMAGE=${BUILT[sample-service]} MOTO_IMAGE=${USED[moto]}
# The tests take it for its shell.
export RUST_IMAGE=${USED[rust]}
cargo=${CARGO:-cargo}
# As a part of the workspace, so that what `make test` has built fits.
tests=(--locked --workspace --features e2e/docker --test docker)
"$cargo" test "${tests[@]}" --no-run
began=$SECONDS
"$cargo" test "${tests[@]}" -- --nocapture --test-threads 1
echo "docker: the container tests took $((SECONDS - began)) s"
