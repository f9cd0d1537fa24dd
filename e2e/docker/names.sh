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

# use_bases NAME...: sets USED to the image for each: the chosen one, else one made here earlier, else
# the public one, else, where that cannot be pulled, one made now.
declare -A USED=()
use_bases() {
    local base
    for base in "$@"; do
        local image=${CHOSEN[$base]}
        if [[ -z $image ]]; then
            if is_there "${LOCAL[$base]}"; then
                image=${LOCAL[$base]}
            elif is_there "${PUBLIC[$base]}" || timeout 900 docker pull --quiet "${PUBLIC[$base]}" >/dev/null 2>&1; then
                image=${PUBLIC[$base]}
            else
                echo "docker: ${PUBLIC[$base]} cannot be pulled"
                e2e/docker/base.sh "$base"
                image=${LOCAL[$base]}
            fi
        fi
        USED[$base]=$image
    done
}
