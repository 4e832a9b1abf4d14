#!/bin/sh
# stop.sh ROOT RUN STEP soft|hard [SECONDS]: ask a job to end, or end it.
#
# soft asks: the job ends before its next command, or at once where apt-get only waits or downloads.
# hard ends everything of the job: TERM, after SECONDS KILL, and it is told what was found and what
# was done. Its result is then that it was killed; what it leaves half done, a repair finishes.
# members.sh stands before this.
#
# The first word printed is the answer: "missing" (nothing of the job has begun here), "ended" (it has
# its result, or nothing of it is left), "asked"; after hard "gone" or "left". Then, a line each:
#   found PID COMMAND    a process of the job
#   sent SIGNAL to N     a signal, and to how many processes
#   left PID COMMAND     still there in the end
set -u
LC_ALL=C
export LC_ALL
umask 077
root=$1 run=$2 step=$3 how=$4 seconds=${5:-10}
case $run$step in
'' | *[!A-Za-z0-9.-]*) exit 2 ;;
esac
dir=$root/var/lib/hostshift/runs/$run/$step

# end SIGNAL SECONDS: to everything there is (KILL again and again), until nothing is left or time is
# over.
end() {
    waited=0
    while found=$(members "$root" "$run" "$step") && [ -n "$found" ]; do
        [ "$waited" -lt "$2" ] || return 1
        # What is found once counts on, also when its parent is gone.
        printf '%s\n' "$found" >"$dir/members"
        if [ "$waited" -eq 0 ] || [ "$1" = KILL ]; then
            pids=$(printf '%s\n' "$found" | cut -d' ' -f1)
            # shellcheck disable=SC2086 # numbers
            kill -s "$1" $pids 2>/dev/null
            # shellcheck disable=SC2086 # what is halted would not end
            kill -s CONT $pids 2>/dev/null
            echo "sent $1 to $(printf '%s\n' "$found" | grep -c .)"
        fi
        sleep 1
        waited=$((waited + 1))
    done
}

if [ ! -d "$dir/begun" ] || [ -e "$dir/withdrawn" ]; then
    echo missing
    exit 0
fi
if [ -e "$dir/exit" ] || [ -z "$(members "$root" "$run" "$step")" ]; then
    echo ended
    exit 0
fi
true >"$dir/stop"
if [ "$how" = soft ]; then
    echo asked
    exit 0
fi
[ "$how" = hard ] || exit 2
[ -e "$dir/killed" ] || date -u +%Y-%m-%dT%H:%M:%SZ >"$dir/killed"
said=$(
    members "$root" "$run" "$step" | show found
    end TERM "$seconds" || end KILL 10
    members "$root" "$run" "$step" | show left
)
case $said in
*"
left "*) echo left ;;
*) echo gone ;;
esac
printf '%s\n' "$said"
rm -f "$dir/members"
