# shellcheck shell=sh
# frames.sh: the beginning of every script that looks at a host in sections (probe.sh, health.sh).
# Each section is framed as
#   NONCE begin NAME / its standard output / NONCE tail NAME / its standard error, with a line
#   "NONCE status N" / NONCE end NAME LIMIT
# and bounded in size; what it runs "within" a time is bounded in time.

tail_limit=8000
newline='
'

# prepare ROOT NONCE: nothing of the login's own decides what is seen.
prepare() {
    nonce=$2
    exec </dev/null 4>&1
    LC_ALL=C LANGUAGE='' TERM=dumb
    unset LANG COLUMNS DEBIAN_FRONTEND POSIXLY_CORRECT
    # Below the root like every other path: a demo host must not find this machine's programs.
    for folder in /usr/local/sbin /usr/sbin /sbin /usr/local/bin /usr/bin /bin; do
        PATH=${PATH:-/usr/bin:/bin}:$1$folder
    done
    export LC_ALL LANGUAGE TERM PATH
    renice -n 10 -p $$ >/dev/null 2>&1
    if has ionice; then ionice -c 2 -n 7 -p $$ >/dev/null 2>&1; fi
    find_timeout
}

has() { command -v "$1" >/dev/null 2>&1; }

# within SECONDS COMMAND...: end the command after that time with exit status 124.
within() {
    within_s=$1
    shift
    if [ "$timeout_kind" = coreutils ]; then
        timeout -k 2 "$within_s" "$@"
    else
        watched "$within_s" "$@"
    fi
}

# busybox's timeout leaves the command's children alive, and with them the pipe open; coreutils'
# ends its whole process group.
find_timeout() {
    timeout_kind=none
    case $(timeout --version 2>/dev/null) in
    *coreutils*) timeout_kind=coreutils ;;
    esac
}

# The same as timeout(1), with nothing but the shell and /proc (of this system, not of ROOT).
watched() {
    watched_s=$1
    shift
    "$@" &
    watched_pid=$!
    (
        nap=''
        trap 'kill "$nap" 2>/dev/null; exit 0' TERM
        sleep "$watched_s" &
        nap=$!
        wait "$nap"
        trap '' TERM
        family "$watched_pid"
        # shellcheck disable=SC2086 # numbers, one word each
        kill -TERM $members 2>/dev/null
        sleep 1
        # shellcheck disable=SC2086 # numbers, one word each
        kill -KILL $members 2>/dev/null
        exit 1
    ) >/dev/null 2>&1 4>&- 6>&- 7>&- &
    watched_dog=$!
    wait "$watched_pid" 2>/dev/null
    watched_status=$?
    kill -TERM "$watched_dog" 2>/dev/null
    # 1 is the watchdog's word that it acted; it may also end by the signal, before its trap.
    wait "$watched_dog" 2>/dev/null
    if [ $? -eq 1 ]; then return 124; fi
    return "$watched_status"
}

# family PID: a process and all below it, as $members.
family() {
    members=$1 grown=yes
    while [ "$grown" = yes ]; do
        grown=no
        for stat in /proc/[0-9]*/stat; do
            stat_line=''
            { read -r stat_line <"$stat"; } 2>/dev/null
            child=${stat_line%% *} parent=${stat_line##*) ? }
            parent=${parent%% *}
            case " $members " in
            *" $child "*) ;;
            *" $parent "*) members="$members $child" grown=yes ;;
            esac
        done
    done
}

# section NAME LIMIT COMMAND...: run a function in a frame. Descriptor 4 is the probe's output,
# 6 the end of the frame (kept back until the section's output is through), 7 standard error.
section() {
    section_name=$1 section_limit=$2
    shift 2
    printf '\n%s begin %s\n' "$nonce" "$section_name"
    section_tail=$(
        exec 6>&1
        {
            {
                "$@" 2>&7 6>&- 7>&- 4>&-
                printf '\n%s status %s\n' "$nonce" "$?" >&6
            } | head -c "$section_limit" >&4
        } 7>&1 | head -c "$tail_limit" >&6
    )
    printf '\n%s tail %s\n%s\n%s end %s %s\n' \
        "$nonce" "$section_name" "$section_tail" "$nonce" "$section_name" "$section_limit"
}

# put KEY VALUE: one line of key=value; the value's own newlines become blanks.
put() {
    case $2 in
    *"$newline"*) printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')" ;;
    *) printf '%s=%s\n' "$1" "$2" ;;
    esac
}

# first FILE: the first line of a file, or nothing.
first() {
    first_line=''
    { read -r first_line <"$1"; } 2>/dev/null
    printf '%s' "$first_line"
}
