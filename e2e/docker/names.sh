# The images: what they are called, and what they are made from. Read by the scripts beside this file.
# shellcheck shell=bash disable=SC2034

# What is built here, by the targets of the Dockerfile. The compose files know the same variables.
declare -A BUILT=(
    [nightjar-standalone]=${NIGHTJAR_STANDALONE_IMAGE:-nightjar-standalone}
    [nightjar-central]=${NIGHTJAR_CENTRAL_IMAGE:-nightjar-central}
    [sample-service]=${SAMPLE_SERVICE_IMAGE:-sample-service}
)

# What the Dockerfile calls the stages that build.
BUILD_LABEL=nightjar.stage=build

# default_of ARGUMENT: the default of a build argument.
default_of() { sed -n "s/^ARG $1=//p" Dockerfile; }

# The public images that they are made from, and the one that plays S3.
declare -A PUBLIC=(
    [rust]=$(default_of RUST_IMAGE)
    [envoy]=$(default_of ENVOY_IMAGE)
    [runtime]=$(default_of RUNTIME_IMAGE)
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
