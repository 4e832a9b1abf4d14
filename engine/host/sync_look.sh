#!/bin/sh
# shellcheck disable=SC2154 # nonce is set by "prepare" in frames.sh
# shellcheck disable=SC2034 # volumes.sh and running.sh use what is set here
# shellcheck disable=SC2329,SC2317 # "section" calls functions by their names
# Volumes as they are now, before a sync of them. Changes nothing. Sent on standard input, after
# frames.sh, running.sh and volumes.sh, to sh -s -- ROOT NONCE SECONDS PATH...
#
#   SECONDS   within which all volumes are counted, together

set -u

time_limit=8
size_limit=400000
most_lines=400

main() {
    root=$1 budget=$3
    prepare "$1" "$2"
    shift 3
    printf '%s sync 1\n' "$nonce"
    section mounts "$size_limit" look_mounts
    section devices "$size_limit" look_devices
    { read -r up _ </proc/uptime; } 2>/dev/null
    until=$((${up%%.*} + budget))
    number=0
    for volume in "$@"; do
        section "volume-$number" "$size_limit" look_volume "$volume"
        number=$((number + 1))
    done
    printf '\n%s done\n' "$nonce"
}

main "$@"
exit 0
