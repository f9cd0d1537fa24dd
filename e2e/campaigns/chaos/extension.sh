#!/bin/sh
# An extension that does what a control file says instead of its work:
#   extension.sh CONTROL_FILE FOLDER PROGRAM [ARGUMENT…]
# FOLDER holds the documents that are handed over in place of a good one.
control=$1 folder=$2
shift 2
mode=
read -r mode <"$control"
for argument; do
    case $argument in
        --action-file=*) file=${argument#*=} ;;
    esac
done
# Only a commit that is done is reported as failed: one that came too late (32) is told as that.
case $mode-$* in
    done-but-failed*--action=commit*) "$@" && exit 31; exit $? ;;
esac
case $mode in
    fail) echo "told to fail" >&2; exit 31 ;;
    fatal) echo "told to fail for good" >&2; exit 1 ;;
    hang) exec sleep 600 ;;
    nothing) exit 0 ;;
    garbage | truncated | invalid | empty) exec cp "$folder/$mode" "$file" ;;
    *) exec "$@" ;;
esac
