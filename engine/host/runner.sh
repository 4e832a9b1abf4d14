#!/bin/sh
# runner.sh DIR main ROOT BOUND | DIR stop | DIR stopped: keeps a job's books; a copy lies in its DIR.
#
# main runs DIR/script ROOT DIR with its output in DIR/log and descriptor 3 in DIR/progress, and
# writes its exit status into DIR/exit, the last thing that changes; BOUND is how many bytes the
# log may have. stop asks the script to end before its next command (the service manager's
# ExecStop). stopped is the service manager's last word (ExecStopPost): it is there also when this
# process was killed, and then DIR/exit is not. A job that was stopped hard (DIR/killed) leaves no
# DIR/exit either: what its commands returned when they were killed is no result.
set -u
LC_ALL=C
export LC_ALL
dir=$1

# proc(5): the 22nd field of stat, the 20th after the command's name, is the start time; with it a
# process number that was given out again is not taken for ours.
start_time() {
    sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

log_size() {
    stat -c %s "$dir/log" 2>/dev/null || echo 0
}

# DIR/cut: how often the log has begun or ended to change otherwise than at its end, how many bytes
# of its beginning never change, how many bytes were left out. Written over in place, so that a
# full disk is no obstacle.
note_cut() {
    printf '%-63s\n' "$1 $2 $3" 1<>"$dir/cut"
}

# say_cut BOUND AT TOTAL: the line before what is kept of the end, which begins at block AT.
say_cut() {
    printf '\n%-510s\n' "hostshift: this log grew beyond $1 bytes: $3 bytes are left out here.\
 Its end follows; where it was shortened last, a few bytes more may be missing." |
        dd of="$dir/log" bs=512 seek=$(($2 * 8 - 1)) conv=notrunc 2>/dev/null
}

# shorten BOUND: a longer log keeps its first and its last quarter of BOUND, and a line between them
# that says what is left out. Nothing stands between the writers and their log, so that nothing can
# break there: they append (open(2), O_APPEND), and go on at the new end. The end is copied forward
# within the file, which needs no free space; what comes meanwhile is copied after it, and only
# bytes that come in the instant before the file is truncated are lost.
shorten() {
    size=$(log_size)
    [ "$size" -gt "$1" ] || return 0
    read -r number _ total <"$dir/cut" || return 0
    at=$(($1 / 4 / 4096))
    first=$((size / 4096 - at))
    kept=$((at * 4096 - 512))
    total=$((total + (first - at) * 4096))
    [ "$number" -gt 0 ] || total=$((total + 512))
    note_cut $((number + 1)) "$kept" "$total"
    say_cut "$1" "$at" "$total"
    next=$first rounds=0
    while :; do
        dd if="$dir/log" of="$dir/log" bs=4096 skip="$next" seek=$((next - first + at)) \
            count=$((size / 4096 - next + 1)) conv=notrunc 2>/dev/null || {
            # A copying file system without a free block: the end is lost, the host is not.
            total=$((total + size - first * 4096)) size=$((first * 4096))
            say_cut "$1" "$at" "$total"
            break
        }
        now=$(log_size) rounds=$((rounds + 1))
        if [ "$now" -le "$size" ] || [ "$rounds" -ge 4 ]; then break; fi
        next=$((size / 4096)) size=$now
    done
    truncate -s $((size - (first - at) * 4096)) "$dir/log"
    note_cut $((number + 2)) "$kept" "$total"
}

# A stop ends apt-get while it waits for a lock or downloads: nothing is changed then. DIR/hand
# has its process number, and how much of DIR/progress is older. It says "pm..." there from the
# moment it calls dpkg, and until dpkg has ended it handles SIGINT itself (apt's dpkgpm.cc). It is
# halted for the look at SigIgn and SigCgt (proc(5); bit 1 is SIGINT), so that nothing changes
# between look and signal: where SIGINT is its end, it has not begun.
interrupt() {
    [ ! -e "$dir/interrupted" ] || return 0
    read -r hand seen 2>/dev/null <"$dir/hand" || return 0
    kill -STOP "$hand" 2>/dev/null || return 0
    case $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p; s/^SigIgn:.*\(.\)$/\1/p
            s/^SigCgt:.*\(.\)$/\1/p' "/proc/$hand/status" 2>/dev/null | tr -d '\n') in
    T[014589cd][014589cd])
        if ! tail -c +$((seen + 1)) "$dir/progress" | grep -q '^pm'; then
            true >"$dir/interrupted"
            kill -INT "$hand"
        fi
        ;;
    esac
    kill -CONT "$hand"
}

# watch RUNNER BOUND: beside the job, until the runner ends or says so. When this is killed, the log
# grows without a bound and a stop waits for the command in hand; the job itself notices nothing.
watch() {
    ending='' nap=
    # KILL, as a nap that has just been forked may not hear TERM yet; see run_script.
    trap 'ending=yes; [ -z "$nap" ] || kill -KILL "$nap" 2>/dev/null' TERM
    while [ -z "$ending" ] && kill -0 "$1" 2>/dev/null; do
        shorten "$2"
        [ ! -e "$dir/stop" ] || interrupt
        sleep 0.5 &
        nap=$!
        [ -z "$ending" ] || kill -KILL "$nap" 2>/dev/null # the word came before there was one
        wait "$nap" || [ -n "$ending" ] || sleep 1
    done
}

run_script() {
    # The result's own block: a disk that fills up later can't swallow the result.
    result=$dir/exit.new.$$
    printf '%-63s\n' unfinished >"$result" || exit 1
    sync "$result" 2>/dev/null
    if ! mkdir "$dir/begun" 2>/dev/null; then
        rm -f "$result"
        exit 0
    fi
    start_time "$$" >"$dir/pid_start"
    echo "$$" >"$dir/pid.new"
    mv -f "$dir/pid.new" "$dir/pid"
    printf '%-63s\n' '0 0 0' >"$dir/cut"
    # Before the trap: a TERM that comes to a child between its fork and its own trap is lost where
    # its parent handles TERM, and here ends it.
    (watch "$$" "$2") </dev/null >/dev/null 2>&1 &
    watcher=$!
    # Not ignored but handled: children get the default back. sh runs the handler only after the
    # script has ended, so an orderly stop never tears a package transaction.
    trap ':' HUP INT TERM
    (
        umask 022
        cd / && exec sh "$dir/script" "$1" "$dir" </dev/null >>"$dir/log" 2>&1 3>>"$dir/progress"
    )
    status=$?
    kill "$watcher" 2>/dev/null
    # A signal ends wait, not what it waits for.
    while kill -0 "$watcher" 2>/dev/null; do wait "$watcher"; done
    shorten "$2"
    sync "$dir/log" 2>/dev/null
    if [ -e "$dir/killed" ]; then
        rm -f "$result"
        exit 143
    fi
    # Over the placeholder of the same length, so that no new block is needed.
    printf '%-63s\n' "$status" 1<>"$result"
    sync "$result" 2>/dev/null
    mv -f "$result" "$dir/exit"
    sync "$dir" 2>/dev/null
}

case $2 in
main) run_script "$3" "$4" ;;
stop) [ -e "$dir/exit" ] || true >"$dir/stop" ;;
stopped)
    # A second unit that found the job begun must not speak for the first.
    pid=$(cat "$dir/pid" 2>/dev/null)
    if [ -n "$pid" ] && [ "$(start_time "$pid")" = "$(cat "$dir/pid_start")" ]; then
        exit 0
    fi
    # The log is over by now: on a full disk there must be no complaint in it, and no half a word here.
    if { echo "${SERVICE_RESULT:-} ${EXIT_CODE:-} ${EXIT_STATUS:-}" >"$dir/end.new"; } 2>/dev/null; then
        sync "$dir/end.new" 2>/dev/null
        mv -f "$dir/end.new" "$dir/end"
    else
        rm -f "$dir/end.new"
    fi
    ;;
esac
