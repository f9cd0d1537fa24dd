#!/usr/bin/env bash
# Judges what is not Rust: the spelling of every file, shell scripts and Python. `make lint` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/typos
git ls-files -z '*.sh' .ci/run | xargs --null .venv/bin/shellcheck --external-sources
.venv/bin/ruff check --quiet --no-cache
