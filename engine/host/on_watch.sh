# shellcheck shell=sh disable=SC2154 # system and dir are the script's that follows
# on_watch.sh: a guard's process, as a unit that every boot starts again. Goes before guard.sh and
# writers.sh; it only defines functions.

# proc(5): the 22nd field of stat, by which a process number that was given out again is known;
# nothing of a process that has ended and waits for its parent (Z).
start_time() {
    sed -n 's/^.*) \([^ZX] .*\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

is_process() {
    [ -n "${2:-}" ] && [ "$(start_time "$1")" = "$2" ]
}

# Whether the process is there that has left its number and its start in DIR.
watching() {
    { read -r watcher its_start <"$dir/pid"; } 2>/dev/null && is_process "$watcher" "$its_start"
}

watch_unit_text() {
    printf '%s\n' '[Unit]' "Description=hostshift: $1" "RequiresMountsFor=$dir" \
        "ConditionPathExists=$3" 'StartLimitIntervalSec=0' '[Service]' 'StandardInput=null' \
        "StandardOutput=append:$2" "StandardError=append:$2" \
        'Restart=on-failure' 'RestartSec=1' 'OOMScoreAdjust=-900' 'TimeoutStopSec=5'
    shift 2
    printf 'ExecStart=/bin/sh'
    for each in "$@"; do printf ' "%s"' "$each"; done
    echo
}

# set_on_watch UNIT DESCRIPTION LOG SCRIPT WORDS...: sh SCRIPT WORDS on watch; where UNIT is empty
# as a process that a reboot ends. A unit of /etc, as transient ones are gone after a reboot; started
# by hand and by every boot.
set_on_watch() {
    watch_unit=$1 about=$2 log=$3
    shift 3
    if [ -z "$watch_unit" ]; then
        setsid sh "$@" </dev/null >>"$log" 2>&1 &
    else
        (
            umask 022
            mkdir -p "$system/multi-user.target.wants" &&
                watch_unit_text "$about" "$log" "$@" >"$system/$watch_unit.new" &&
                mv -f "$system/$watch_unit.new" "$system/$watch_unit" &&
                ln -sf "../$watch_unit" "$system/multi-user.target.wants/$watch_unit"
        ) || exit 1
        sync "$system/$watch_unit" "$system/multi-user.target.wants" 2>/dev/null
        systemctl daemon-reload </dev/null
        systemctl start "$watch_unit" </dev/null
    fi
    # On watch means seen to watch: ten seconds are plenty for a fork.
    tries=0
    until watching || [ "$tries" -ge 50 ]; do
        tries=$((tries + 1))
        sleep 0.2 2>/dev/null || sleep 1
    done
    watching || {
        echo "the guard did not begin its watch within ten seconds" >&2
        tail -n 5 "$log" >&2
        exit 1
    }
}

# remove_watch UNIT: not to be started again, whatever the service manager said.
remove_watch() {
    if [ -e "$system/$1" ]; then
        rm -f "$system/multi-user.target.wants/$1" "$system/$1"
        timeout -k 5 60 systemctl daemon-reload </dev/null
    fi
    return 0
}
