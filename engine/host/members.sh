# shellcheck shell=sh
# members.sh: functions that tell the processes of a job; it stands before scripts that need them.

start_time() {
    sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# members ROOT RUN STEP: processes of the job, as "PID START" lines: the runner, those in the unit's
# control group (cgroups(7)), those whose output is the job's log, and everything that descends from
# one of them or shares a session with it: dpkg has a session of its own. The processes are real
# ones, also where ROOT is set.
members() {
    dir=$1/var/lib/hostshift/runs/$2/$3
    boot=$(cat "$1/proc/sys/kernel/random/boot_id" 2>/dev/null)
    # What another boot has started is gone, whoever has its process number now.
    grep -qF "\"boot_id\":\"$boot\"" "$dir/job.json" 2>/dev/null || return 0
    seeds=$(
        {
            cat "$dir/members" 2>/dev/null
            echo "$(cat "$dir/pid" 2>/dev/null) $(cat "$dir/pid_start" 2>/dev/null)"
        } | while read -r pid started; do
            [ -n "$pid" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
        done
        # shellcheck disable=SC2012 # of all links at once, and none has a strange name
        ls -l /proc/[0-9]*/fd/1 2>/dev/null | sed -n "s|.*/proc/\([0-9]*\)/fd/1 -> $dir/log\$|\1|p"
        if [ -z "$1" ] && [ -d /run/systemd/system ]; then
            grep -lsE "/hostshift-$2-$3\.service(/|\$)" /proc/[0-9]*/cgroup | cut -d/ -f3
        fi
    )
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v seeds="$(echo "$seeds" | tr '\n' ' ')" '
        {
            pid = $1
            if (!sub(/^.*\) /, "")) next
            if ($1 != "Z" && $1 != "X") start[pid] = $20
            parent[pid] = $2; session[pid] = $4
        }
        END {
            n = split(seeds, seed, " ")
            for (i = 1; i <= n; i++) if (seed[i] in session) { ours[seed[i]]; of[session[seed[i]]] }
            do {
                more = 0
                for (pid in session) {
                    if (pid in ours || pid == 1) continue
                    if (session[pid] in of || parent[pid] in ours) {
                        ours[pid]; of[session[pid]]; more = 1
                    }
                }
            } while (more)
            for (pid in ours) if (pid in start) print pid, start[pid]
        }'
}

# show WORD: the processes on standard input, cleaned of what is no plain text.
show() {
    while read -r pid _; do
        command=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | tr -cd ' -~' | head -c 200)
        [ -n "$command" ] || command=$(tr -cd ' -~' <"/proc/$pid/comm" 2>/dev/null)
        printf '%s %s %s\n' "$1" "$pid" "${command% }"
    done
}
