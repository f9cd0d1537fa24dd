# The images, each a target:
#
#   docker build --target nightjar-standalone --tag nightjar-standalone .
#
# nightjar-standalone has Envoy, every extension, and `nightjar` to look at things with; nightjar-central
# every extension, without Envoy; sample-service what the examples and the container tests put behind
# Envoy. docs/containers.md says how to run them.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG ENVOY_IMAGE=envoyproxy/envoy:distroless-v1.40.0
ARG RUNTIME_IMAGE=gcr.io/distroless/base-nossl-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown

# No line here needs BuildKit: the layers are the cache, and `make docker-clean` finds them by label. An
# engine without it builds the stages above a target too, so the one with the largest base comes last.
#
# First the workspace with empty sources: what comes of it changes when a dependency does, not before.
FROM ${RUST_IMAGE} AS manifests
LABEL nightjar.stage=build
WORKDIR /workspace
COPY . .
RUN find . -type f ! -name "Cargo.*" \
        \( ! -name "*.rs" -o -path "*/src/*" ! -path "*/src/main.rs" ! -path "*/src/lib.rs" \) -delete \
    && find . -name "*.rs" -exec sh -c 'echo "fn main() { }" >"$1"' - {} \;

# Every program: the dependencies in a layer of their own, then the real sources, which are older than
# what the empty ones gave, and so have to be touched.
FROM ${RUST_IMAGE} AS programs
LABEL nightjar.stage=build
WORKDIR /workspace
# Small rather than fast: the programs wait for others most of the time. The linker packs what the
# loader has to do with addresses, which takes the C library of Debian 12 or later.
ENV CARGO_PROFILE_RELEASE_OPT_LEVEL=z CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_PANIC=abort \
    RUSTFLAGS="-C link-arg=-Wl,-z,pack-relative-relocs"
COPY --from=manifests /workspace .
RUN cargo build --locked --release --workspace --exclude e2e --exclude test-kit
COPY . .
RUN find . -path ./target -prune -o -name "*.rs" -exec touch {} + \
    && cargo build --locked --release --workspace --exclude e2e --exclude test-kit
# What images share, so that no list of it has to be kept: every extension, and the one library that Rust
# programs need and a bare base lacks. And what an image without a shell could not make: folders that any
# user may write to. Volumes that are mounted over these take their mode; it is not sticky, so that what
# one user left there another can replace.
RUN libraries="/out/libraries/usr/lib/$(gcc -print-multiarch)" extensions=/out/extensions/usr/local/bin \
        data=/out/folders/usr/share/nightjar/data-store \
    && mkdir -p "$libraries" "$extensions" "$data" /out/folders/tmp/envoy \
    && cp -L "$(gcc -print-file-name=libgcc_s.so.1)" "$libraries/" \
    && find target/release -maxdepth 1 -type f -executable -name "ext-*" -exec cp {} "$extensions/" \; \
    && chmod 777 "$data" /out/folders/tmp/envoy \
    && chmod 1777 /out/folders/tmp

FROM ${RUNTIME_IMAGE} AS sample-service
COPY --from=programs /out/libraries/ /
COPY --from=programs /workspace/target/release/sample-service /usr/local/bin/
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["sample-service"]

FROM ${RUNTIME_IMAGE} AS nightjar-central
COPY --from=programs /out/libraries/ /
COPY --from=programs /out/extensions/ /
COPY --from=programs /workspace/target/release/nightjar-central /usr/local/bin/
COPY --from=programs /out/folders/usr/ /usr/
# All that is written: the root file system may be read-only.
VOLUME ["/tmp"]
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["nightjar-central", "--check-ready"]
ENTRYPOINT ["nightjar-central"]
# Last, so that the layers above are the same for every revision.
ARG RUNTIME_IMAGE
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.base.name="${RUNTIME_IMAGE}" \
    org.opencontainers.image.title="nightjar-central" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.description="Runs discovery once for a whole mesh, and commits the map to a data store" \
    org.opencontainers.image.licenses="MIT"

FROM ${ENVOY_IMAGE} AS nightjar-standalone
COPY --from=programs /out/libraries/ /
COPY --from=programs /out/extensions/ /
COPY --from=programs \
    /workspace/target/release/nightjar-standalone \
    /workspace/target/release/nightjar \
    /usr/local/bin/
COPY --from=programs /out/folders/ /
# All that is written, Envoy's files in /tmp/envoy among it: the root file system may be read-only.
VOLUME ["/tmp"]
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["nightjar-standalone", "--check-ready"]
ENTRYPOINT ["nightjar-standalone"]
ARG ENVOY_IMAGE
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.base.name="${ENVOY_IMAGE}" \
    org.opencontainers.image.title="nightjar-standalone" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.description="Runs Envoy as a sidecar or gateway, on files made from a discovery map" \
    org.opencontainers.image.licenses="MIT AND Apache-2.0"
