#!/usr/bin/env bash
# Judges what is not Rust: spelling, shell scripts, Python, and the dependencies. `make lint` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/typos
git ls-files -z '*.sh' .ci/run | xargs --null .venv/bin/shellcheck --external-sources
.venv/bin/ruff check --quiet --no-cache
.venv/bin/python -m doctest e2e/dependencies.py
.venv/bin/python e2e/dependencies.py
