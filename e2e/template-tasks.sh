#!/usr/bin/env bash
# Counts the lines that four tasks of a template author take, each in a store that holds nothing else.
#
#   e2e/template-tasks.sh    prints a table; exit code 1 if a task takes more than 15 lines
#
# The tasks are recipes of docs/cookbook.md. `e2e::cookbook` lints, checks and runs each, and sends requests.
set -euo pipefail
cd "$(dirname "$0")/../examples/cookbook"

most=15
row='| %-30s | %5s | %s\n'
code=0
# shellcheck disable=SC2059
printf "$row" task lines files
while read -r recipe task; do
    files=$(find "$recipe/templates" -type f -name '*.mustache' | sort)
    # shellcheck disable=SC2086
    lines=$(cat $files | wc -l)
    # shellcheck disable=SC2059
    printf "$row" "$task" "$lines" "$(echo "$files" | sed 's,.*/,,' | paste -sd ' ')"
    if ((lines > most)); then
        echo "template-tasks: $task takes $lines lines, and not at most $most" >&2
        code=1
    fi
done <<'TASKS'
json-access-log JSON access log with trace id
cors CORS for one service
rate-limit a limit for one route
tls-at-the-gateway TLS at the gateway
TASKS
exit $code
