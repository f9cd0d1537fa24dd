#!/usr/bin/env bash
# Makes the base images on this machine, for an engine that can pull none: from Debian packages, the
# Envoy that e2e/setup.sh installs, this machine's Rust toolchain, and a wheel of moto.
#
#   e2e/docker/base.sh [runtime] [envoy] [rust] [moto]     all of them unless some are named
#
# names.sh says what they are called. One that is there is left alone; AGAIN=1 makes it anew. Each is
# as bare as the public image that it stands for: `runtime` and `envoy` have no shell.
set -euo pipefail
cd "$(dirname "$0")/../.."
source e2e/docker/names.sh

suite=bookworm
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
python=${PYTHON:-python3}
user=65532
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "docker-base: $*"; }

# debian VARIANT PACKAGES: puts these packages of Debian into $root.
debian() {
    if ! command -v mmdebstrap >/dev/null; then
        say "installing mmdebstrap"
        { apt-get update && apt-get install --yes --no-install-recommends mmdebstrap; } >"$work/log" 2>&1 ||
            { tail -n 5 "$work/log" >&2; say "this needs mmdebstrap: apt-get install mmdebstrap" >&2; exit 1; }
    fi
    root=$work/root
    rm -rf "$root"
    mmdebstrap --quiet --format=directory --variant="$1" --include="$2" "$suite" "$root" "$mirror"
}

# import TAG CHANGE...: makes $root an image of one layer.
import() {
    local change changes=()
    for change in "${@:2}"; do changes+=(--change "$change"); done
    tar --create --numeric-owner --directory "$root" . | docker import "${changes[@]}" - "$1" >/dev/null
}

# What a program that is linked to the C library needs, and nothing to run by itself.
base_runtime() {
    debian extract libc6,netbase,tzdata,ca-certificates
    cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
    find "$root" -name 'libgcc_s.*' -delete
    (cd "$root" && rm -rf dev/* etc/{apt,cron*,dpkg,perl} usr/{bin,games,include,sbin} var/* usr/lib/ssl \
        usr/lib/*-linux-gnu/{gconv,engines-3,ossl-modules,libcrypto.*,libssl.*} \
        usr/share/{bug,ca-certificates,debconf,doc,doc-base,lintian,locale,man,menu,perl*})
    mkdir -p "$root"/{home/nonroot,proc,run,sys,var/tmp}
    chmod 1777 "$root/tmp" "$root/var/tmp"
    chown "$user:$user" "$root/home/nonroot"
    printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:%s:%s:nonroot:/home/nonroot:/sbin/nologin\n' \
        "$user" "$user" >"$root/etc/passwd"
    printf 'root:x:0:\nnonroot:x:%s:\n' "$user" >"$root/etc/group"
    printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
    import "$1" "USER $user" 'WORKDIR /home/nonroot' \
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'
}

base_envoy() {
    is_there "${LOCAL[runtime]}" || base_runtime "${LOCAL[runtime]}"
    e2e/setup.sh demo
    cp --dereference .venv/bin/envoy "$work/envoy"
    printf '%s\n' "FROM ${LOCAL[runtime]}" 'COPY envoy /usr/local/bin/envoy' \
        'ENTRYPOINT ["/usr/local/bin/envoy"]' >"$work/Dockerfile"
    docker build --quiet --tag "$1" "$work" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

base_rust() {
    debian apt gcc,libc6-dev,ca-certificates
    # This machine's certificates too: it may see the package index through a proxy of its own.
    cat /etc/ssl/certs/ca-certificates.crt >>"$root/etc/ssl/certs/ca-certificates.crt"
    local toolchain version
    toolchain=$(rustc --print sysroot) version=$(rustc --version | cut -d ' ' -f 2)
    [[ ${1##*:} == "${version%.*}"* ]] || say "this machine has Rust $version"
    mkdir -p "$root/usr/local/lib"
    cp "$toolchain"/bin/{cargo,rustc} "$root/usr/local/bin/"
    cp -r "$toolchain"/lib/{rustlib,librustc_driver*,libLLVM*} "$root/usr/local/lib/"
    import "$1" 'ENV PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        'ENV CARGO_HOME=/usr/local/cargo'
}

base_moto() {
    debian apt python3-minimal,python3-distutils,ca-certificates
    local version
    version=$(basename "$(readlink "$root/usr/bin/python3")")
    "$python" -m pip install --quiet --quiet --root-user-action=ignore --target "$root/usr/lib/python3/dist-packages" --only-binary=:all: \
        --python-version "${version#python}" "moto[server,s3]==${PUBLIC[moto]##*:}"
    import "$1" 'ENTRYPOINT ["python3", "-m", "moto.server", "-H", "0.0.0.0"]'
}

[[ $# -gt 0 ]] || set -- runtime envoy rust moto
for name in "$@"; do
    tag=${LOCAL[$name]}
    if [[ -n ${AGAIN:-} ]] || ! is_there "$tag"; then
        say "making $tag in place of ${PUBLIC[$name]}"
        "base_$name" "$tag"
    fi
done
