#!/bin/sh
# follow.sh ROOT RUN STEP OFFSET DIGEST SECONDS BYTES: what is new of a job, for SECONDS at most.
#
# OFFSET is how much of the log the reader has, DIGEST the SHA-256 of its last 4096 bytes or fewer.
# Changes nothing on the host. Output, a line each, as it comes:
#   job TEXT                 job.json, first; or "missing" and the end
#   boot ID                  the boot that runs now
#   restart                  the reader's copy is not the beginning of this log; it starts anew
#   back OFFSET              the log was shortened: what the reader has from there on is void
#   log OFFSET LENGTH        followed by LENGTH raw bytes
#   progress TEXT            the last line that the program said of its progress
#   begun no                 the directory is there, but nothing was started in it
#   alive yes|no             the job's process or unit; yes again and again, as a sign of life
#   exit STATUS              the job's result; nothing is missing of the log then
#   end TEXT                 the service manager's last word
#   killed TEXT              the job was stopped hard, when
#   untouched / holder TEXT / difference TEXT / kept TEXT
#   sum DIGEST LENGTH        SHA-256 of the log up to there, all that was sent, with a result only
#   done                     the last line, always
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
root=$1 run=$2 step=$3 offset=$4 digest=$5 seconds=$6 bytes=$7
case $run$step in
'' | *[!A-Za-z0-9.-]*) exit 2 ;;
esac
dir=$root/var/lib/hostshift/runs/$run/$step
unit=hostshift-$run-$step.service

# Sizes of log and progress.
sizes() {
    log_size=0 progress_size=0
    # shellcheck disable=SC2046 # two numbers
    set -- $(stat -c %s "$dir/log" "$dir/progress" 2>/dev/null)
    [ $# -lt 2 ] || log_size=$1 progress_size=$2
}

# bytes_of FROM LENGTH: that part of the log. So many bytes in any case, also when the log is just
# being shortened: "back" makes them void afterwards.
bytes_of() {
    { tail -c +"$(($1 + 1))" "$dir/log" | head -c "$2"; head -c "$2" /dev/zero; } | head -c "$2"
}

# How often the log has begun or ended to be shortened, and how much of its beginning stays.
cuts() {
    cut_number=0 cut_kept=0
    [ ! -e "$dir/cut" ] || read -r cut_number cut_kept _ <"$dir/cut"
}

# A look before and after each part that is sent: the number is another one before the log is
# touched, and once more when it is whole again.
step_back() {
    cuts
    [ "$cut_number" != "$cut_seen" ] || return 0
    cut_seen=$cut_number
    [ "$offset" -gt "$cut_kept" ] || return 0
    echo "back $cut_kept"
    offset=$cut_kept
}

same_beginning() {
    sizes
    [ "$log_size" -ge "$offset" ] || return 1
    [ "$offset" -gt 0 ] || return 0
    from=$((offset > 4096 ? offset - 4096 : 0))
    [ "$(bytes_of "$from" $((offset - from)) | sha256sum | cut -d' ' -f1)" = "$digest" ]
}

# The process is asked of the real /proc, also where ROOT is set: it is a real process.
alive() {
    # What another boot has started is gone, whoever has its process number now.
    grep -qF "\"boot_id\":\"$boot\"" "$dir/job.json" || return 1
    if [ -e "$dir/pid" ]; then
        now=$(sed 's/^.*) //' "/proc/$(cat "$dir/pid")/stat" 2>/dev/null | cut -d' ' -f20)
        [ -z "$now" ] || [ "$now" != "$(cat "$dir/pid_start")" ] || return 0
    elif [ -d "$dir/begun" ] && [ -z "$(find "$dir/begun" -prune -mmin +1)" ]; then
        # Between its first two acts.
        return 0
    fi
    [ -z "$root" ] && [ -d /run/systemd/system ] || return 1
    case $(systemctl show -p ActiveState "$unit" 2>/dev/null) in
    *=active | *=activating | *=deactivating | *=reloading) return 0 ;;
    esac
    return 1
}

send_log() {
    step_back
    sizes
    length=$((log_size - offset))
    [ "$length" -gt 0 ] || return 1
    # Half a megabyte at a time, so that a reader that lost its link has most of it.
    [ "$length" -le 524288 ] || length=524288
    echo "log $offset $length"
    bytes_of "$offset" "$length"
    offset=$((offset + length))
    sent=$((sent + length))
    step_back
}

send_progress() {
    [ "$progress_size" != "$progress_seen" ] || return 0
    progress_seen=$progress_size
    printf 'progress %s\n' "$(tail -n 1 "$dir/progress" 2>/dev/null | head -c 1000)"
}

finish() {
    while send_log; do :; done
    send_progress
    [ ! -e "$dir/killed" ] || sed 's/^/killed /' "$dir/killed" | head -n 1
    [ ! -e "$dir/untouched" ] || echo untouched
    [ ! -e "$dir/holder" ] || sed 's/^/holder /' "$dir/holder" | head -n 1
    [ ! -e "$dir/difference" ] || sed 's/^/difference /' "$dir/difference" | head -n 500
    [ ! -e "$dir/kept" ] || sed 's/^/kept /' "$dir/kept" | head -n 500
    [ ! -e "$dir/end" ] || sed 's/^/end /' "$dir/end" | head -n 1
}

# Returns whether the job has ended. The result is looked at before the log is read, so that what
# is read then is the whole log.
round() {
    if [ -e "$dir/exit" ]; then
        read -r status <"$dir/exit"
        finish
        echo "exit $status"
        echo "sum $(head -c "$offset" "$dir/log" | sha256sum | cut -d' ' -f1) $offset"
        return 0
    fi
    if [ $((rounds % 5)) -eq 0 ]; then
        if alive; then
            echo 'alive yes'
        elif [ ! -e "$dir/exit" ]; then
            finish
            echo 'alive no'
            return 0
        fi
    fi
    rounds=$((rounds + 1))
    send_log
    send_progress
    return 1
}

[ -d "$dir" ] || {
    echo missing
    echo 'done'
    exit 0
}
boot=$(cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null)
printf 'job %s\n' "$(cat "$dir/job.json" 2>/dev/null)"
echo "boot $boot"
[ -d "$dir/begun" ] || echo 'begun no'
cuts
cut_seen=$cut_number
if ! same_beginning; then
    if [ "$cut_kept" -gt 0 ] && [ "$offset" -gt "$cut_kept" ]; then
        # Most likely the same log before it was shortened; if not, the sum says so in the end.
        echo "back $cut_kept"
        offset=$cut_kept
    else
        echo restart
        offset=0
    fi
fi
sent=0 rounds=0 progress_seen=0
deadline=$(($(date +%s) + seconds))
until round || [ "$(date +%s)" -ge "$deadline" ] || [ "$sent" -ge "$bytes" ]; do
    # At first more often: many a job is over at once.
    if [ "$rounds" -lt 5 ]; then nap=0.1; else nap=0.4; fi
    sleep "$nap" 2>/dev/null || sleep 1
done
echo 'done'
