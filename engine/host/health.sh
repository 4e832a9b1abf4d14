# shellcheck shell=sh
# shellcheck disable=SC2329,SC2317 # "section" calls functions by their names
# shellcheck disable=SC2154 # $nonce is set by "prepare" in frames.sh
# shellcheck disable=SC2034 # running.sh uses $early_udp
# What works on this host, and the checks of its services that are made here. Changes nothing by
# itself (a check's own command may). Sent on standard input, after frames.sh and running.sh, to
# sh -s -- ROOT NONCE WHAT SECONDS ATTEMPTS PAUSE [KIND VALUE]...
#
#   WHAT      all: everything; checks: only these
#   SECONDS   within which an attempt at a check must end; PAUSE: seconds between two attempts
#   KIND      unit or command; VALUE: the unit's name, or the line that sh -c gets
#
# POSIX sh, with coreutils or busybox; no here-documents.

set -u

time_limit=8
size_limit=400000
text_limit=400

look_host() {
    put uid "$(id -u)"
    put kernel "$(uname -r)"
    if [ -d "$root/run/systemd/system" ]; then put systemd yes; else put systemd no; fi
}

look_failed() {
    within "$time_limit" systemctl list-units --state=failed --all --plain --full --no-legend \
        --no-pager
}

# What runs, and what would start it again: systemctl(1), show; systemd.unit(5).
look_services() {
    running=$(within "$time_limit" systemctl list-units --type=service --state=running --plain \
        --full --no-legend --no-pager) || return 1
    set -f
    # shellcheck disable=SC2046 # unit names, one word each
    set -- $(printf '%s\n' "$running" | cut -d ' ' -f 1)
    set +f
    [ $# -eq 0 ] || within "$time_limit" systemctl show --no-pager -p Id -p InvocationID \
        -p Type -p Transient -p UnitFileState -p TriggeredBy -p WantedBy -p RequiredBy -p UpheldBy -- "$@"
}

# Default routes: /proc/net/route and ipv6_route, without the many others that a router has.
look_routes() {
    within "$time_limit" \
        sed -n 's/^[^[:space:]]*[[:space:]]00000000[[:space:]].*/route4 &/p' "$root/proc/net/route" ||
        return 1
    if [ -r "$root/proc/net/ipv6_route" ]; then
        within "$time_limit" sed -n 's/^0* 00 .*/route6 &/p' "$root/proc/net/ipv6_route" || return 1
    fi
    put seen all
}

# All at once, so that the slowest alone decides how long it takes. A line fits into what a pipe
# takes in one piece (pipe(7), PIPE_BUF), so that none is torn.
look_checks() {
    number=0
    while [ $# -ge 2 ]; do
        check "$number" "$1" "$2" &
        number=$((number + 1))
        shift 2
    done | cat
}

# check NUMBER KIND VALUE: try until it passes or no attempt is left. Prints
# "check NUMBER STATUS START END TEXT", times in seconds since the boot.
check() {
    started=$(since_boot) left=$attempts
    while :; do
        answer=$("try_$2" "$3")
        left=$((left - 1))
        case $answer in
        0 | "0$newline"*) break ;;
        esac
        [ "$left" -gt 0 ] || break
        sleep "$pause"
    done
    status=${answer%%"$newline"*} text=''
    case $answer in
    *"$newline"*) text=$(printf '%s' "${answer#*"$newline"}" | tr '\n' ' ') ;;
    esac
    printf 'check %s %s %s %s %s\n' "$1" "$status" "$started" "$(since_boot)" "$text"
}

since_boot() {
    read -r boot_seconds _ </proc/uptime
    printf '%s' "$boot_seconds"
}

# try_...: the exit status, a newline, and what was said.
try_unit() {
    said=$(within "$seconds" systemctl is-active -- "$1" 2>&1)
    printf '%s\n%s' "$?" "$said" | head -c "$text_limit"
}

# The status comes first, since the reader waits for the end of what is said. The reader is bounded
# too: a process that the command left behind may keep its output open.
try_command() {
    # shellcheck disable=SC2016 # the inner shell's own
    {
        {
            within "$seconds" sh -c "$1" 2>&1 3>&-
            printf '%s\n' "$?" >&3
        } | within $((seconds + 4)) sh -c \
            'text=$(head -c "$1" <&5); cat <&5 >/dev/null; printf %s "$text"' sh "$text_limit" 5<&0
    } 3>&1
}

main() {
    root=$1 what=$3 seconds=$4 attempts=$5 pause=$6
    prepare "$1" "$2"
    shift 6
    printf '%s health 1\n' "$nonce"
    if [ "$what" = all ]; then
        early_udp=$(bound_udp 2>/dev/null)
        section host "$size_limit" look_host
        if [ -d "$root/run/systemd/system" ] && has systemctl; then
            section failed "$size_limit" look_failed
            section services "$size_limit" look_services
        fi
        section sockets "$size_limit" look_sockets
        section containers "$size_limit" look_containers
        section mounts "$size_limit" look_mounts
        section routes "$size_limit" look_routes
    fi
    if [ $# -gt 0 ]; then section checks "$size_limit" look_checks "$@"; fi
    printf '\n%s done\n' "$nonce"
}

main "$@"
exit 0
