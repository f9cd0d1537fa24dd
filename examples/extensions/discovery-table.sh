#!/bin/sh
# A discovery map from a table of services. Each line has: service color port path weight host...
#
#   DISCOVERY_MAP_EXEC=/path/to/discovery-table.sh
#   MESH_TABLE=/path/to/table     MESH_NAMESPACE=default
set -eu

fail() { # code, message
    echo "discovery-table: $2" >&2
    exit "$1"
}

api_version='' action_file='' previous=''
for argument; do
    value=${argument#*=}
    case $argument in
        --api-version=*) api_version=$value ;;
        --action-file=*) action_file=$value ;;
        --previous-document-version=*) previous=$value ;;
    esac # anything else is ignored: a later version may pass more
done
[ "$api_version" = 1 ] || fail 64 "I speak api version 1, and was called with '$api_version'"
[ -n "$action_file" ] || fail 64 "argument --action-file is missing"
[ -n "${MESH_TABLE:-}" ] || fail 64 "MESH_TABLE is not set"
[ -f "$MESH_TABLE" ] || fail 31 "$MESH_TABLE is not there yet"

namespaces=$(awk -v namespace="${MESH_NAMESPACE:-default}" '
    function text(value, allowed) { # nothing that JSON would have to escape gets through
        if (value !~ allowed) { print "line " NR ": bad value " value > "/dev/stderr"; bad = 1; exit 1 }
        return "\"" value "\""
    }
    BEGIN {
        name = "^[A-Za-z0-9._-]+$"; number = "^[0-9]+$"; path = "^/[A-Za-z0-9._~/-]*$"
        printf "[{\"namespace\": %s, \"network-id\": \"%s\", ", text(namespace, name), namespace
        printf "\"gateways\": {\"instances\": []}, \"service-colors\": ["
    }
    /^[ \t]*(#|$)/ { next }
    NF < 5 { print "line " NR ": fewer than 5 fields" > "/dev/stderr"; bad = 1; exit 1 }
    {
        printf "%s\n {\"service\": %s, \"color\": %s, ", comma, text($1, name), text($2, name)
        text($3, number); text($5, number)
        printf "\"index\": %d, \"namespace-egress\": [], \"instances\": [", $3
        for (i = 6; i <= NF; i++) {
            kind = $i ~ /^[0-9.]+$/ ? "ipv4" : "hostname"
            printf "%s{\"%s\": %s, \"port\": %d}", (i > 6 ? ", " : ""), kind, text($i, name), $3
        }
        printf "], \"routes\": [{\"path-match\": {\"match-type\": \"prefix\", \"value\": %s}, ", text($4, path)
        printf "\"weight\": %d, \"default-access\": true, \"namespace-access\": []}]}", $5
        comma = ","
    }
    END { if (!bad) print "]}]" }
' "$MESH_TABLE") || fail 1 "$MESH_TABLE is faulty"

# A hash of everything that the map says: the same content has the same version, and other content another.
version=$(printf '%s' "$namespaces" | sha256sum | cut -c 1-32)
[ "$version" != "$previous" ] || exit 30
printf '{"schema-version": "v1", "document-version": "%s", "namespaces": %s}\n' \
    "$version" "$namespaces" >"$action_file"
