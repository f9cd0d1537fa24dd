#!/usr/bin/env bash
# Prints what the images weigh, and what of it is ours.
set -euo pipefail
cd "$(dirname "$0")/../.."
source e2e/docker/names.sh

size() { docker image inspect --format '{{.Size}}' "$1"; }
megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }

printf '%-24s %10s %10s   %s\n' image whole own base
for target in nightjar-standalone nightjar-central; do
    image=${BUILT[$target]}
    base=$(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.base.name"}}' "$image")
    whole=$(size "$image")
    printf '%-24s %10s %10s   %s\n' "$image" "$(megabytes "$whole")" \
        "$(megabytes "$((whole - $(size "$base")))")" "$base"
    container=$(docker create "$image")
    docker cp "$container:/usr/local/bin" - | tar --list --verbose |
        awk '/\/(nightjar|ext-)[^\/]*$/ { sub(".*/", "", $NF); printf "  %-22s %21.1f MB\n", $NF, $3 / 1e6 }' | sort
    docker rm --volumes "$container" >/dev/null
done
