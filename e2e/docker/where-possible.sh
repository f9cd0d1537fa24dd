#!/usr/bin/env bash
# Tests the containers where a Docker Engine and Compose are there, and says loudly where they are not.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=
if ! docker version >/dev/null 2>&1; then
    missing="no Docker Engine answers (see 'docker version')"
elif ! docker compose version >/dev/null 2>&1 && ! docker-compose version >/dev/null 2>&1; then
    missing="there is no Compose (see 'docker compose version')"
fi
if [[ -z $missing ]]; then
    exec e2e/docker/test.sh
fi
e2e/docker/lint.sh
cat >&2 <<END
**********************************************************************
  THE CONTAINER TESTS WERE LEFT OUT: $missing.
  Neither the images nor the compose examples were built or run.
  \`make test-docker\` runs them where they can be.
**********************************************************************
END
