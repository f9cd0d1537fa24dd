#!/usr/bin/env bash
# Judges the Dockerfile, and, where there is a Compose, the compose files.
set -euo pipefail
cd "$(dirname "$0")/../.."

.venv/bin/hadolint Dockerfile
compose=(docker compose)
docker compose version >/dev/null 2>&1 || compose=(docker-compose)
if command -v "${compose[0]}" >/dev/null; then
    for file in examples/*/docker-compose*.yaml; do
        "${compose[@]}" --file "$file" config --quiet
    done
else
    echo "docker: COMPOSE FILES ARE NOT CHECKED: there is no docker compose here" >&2
fi
