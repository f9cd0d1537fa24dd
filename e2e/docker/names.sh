# The images: what they are called, and what they are made from. Read by the scripts beside this file.
# shellcheck shell=bash disable=SC2034

# What is built here, each from its Dockerfile. The compose files know the same variables.
declare -A BUILT=(
    [standalone]=${NIGHTJAR_STANDALONE_IMAGE:-nightjar-standalone}
    [central]=${NIGHTJAR_CENTRAL_IMAGE:-nightjar-central}
    [sample]=${SAMPLE_SERVICE_IMAGE:-sample-service}
)
declare -A DOCKERFILE=(
    [standalone]=nightjar-standalone/Dockerfile
    [central]=nightjar-central/Dockerfile
    [sample]=examples/simple-mesh/sample-service/Dockerfile
)

# What the Dockerfiles call the stages that build.
BUILD_LABEL=nightjar.stage=build

# default_of ARGUMENT FILE: the default of a Dockerfile's build argument.
default_of() { sed -n "s/^ARG $1=//p" "$2" | head -n 1; }

# The public images that they are made from, and the one that plays S3.
declare -A PUBLIC=(
    [rust]=$(default_of RUST_IMAGE nightjar-standalone/Dockerfile)
    [envoy]=$(default_of ENVOY_IMAGE nightjar-standalone/Dockerfile)
    [runtime]=$(default_of RUNTIME_IMAGE nightjar-central/Dockerfile)
    [moto]=motoserver/moto:$(sed -n 's/^moto.*==//p' e2e/requirements.txt)
)
# What a person chooses instead.
declare -A CHOSEN=(
    [rust]=${RUST_IMAGE:-}
    [envoy]=${ENVOY_IMAGE:-}
    [runtime]=${RUNTIME_IMAGE:-}
    [moto]=${MOTO_IMAGE:-}
)
# What base.sh makes in their place: their last name and tag.
declare -A LOCAL=()
for base in "${!PUBLIC[@]}"; do LOCAL[$base]=nightjar-base/${PUBLIC[$base]##*/}; done

is_there() { docker image inspect "$1" >/dev/null 2>&1; }

pull() { timeout 900 docker pull --quiet "$1" >/dev/null; }

# use_bases NAME...: sets USED to the image for each: the chosen one, else one made here earlier, else
# the public one, else, where that cannot be pulled, one made now. It is on this engine then: a builder
# may keep what it pulls to itself, and sizes are told from the base's.
declare -A USED=()
use_bases() {
    local base
    for base in "$@"; do
        local image=${CHOSEN[$base]}
        if [[ -n $image ]]; then
            is_there "$image" || pull "$image"
        elif is_there "${LOCAL[$base]}"; then
            image=${LOCAL[$base]}
        elif is_there "${PUBLIC[$base]}" || pull "${PUBLIC[$base]}" 2>/dev/null; then
            image=${PUBLIC[$base]}
        else
            echo "docker: ${PUBLIC[$base]} cannot be pulled"
            e2e/docker/base.sh "$base"
            image=${LOCAL[$base]}
        fi
        USED[$base]=$image
    done
}
