#!/bin/sh
# job.sh ROOT, then one call of main: start a job on this host, or find that it was started.
#
#   main RUN STEP FIELDS RUNNER SCRIPT PLAN BOUND
#
# The host's lock must be the run's, and no mere claim. The job's directory is ROOT/var/lib/hostshift/runs/RUN/STEP;
# RUNNER (runner.sh), SCRIPT (what the job does) and PLAN (what the whole run means to do, as JSON)
# are texts that are written there; FIELDS is the inside of a JSON object for job.json; BOUND is how
# many bytes the job's log may have.
#
# This can be interrupted anywhere and done again: every file is complete when it gets its name,
# and the runner begins at most once because only one mkdir(2) of "begun" succeeds.
# Prints "started" or "found"; ends with 20 when the lock is another's, 21 when the same step was
# begun with another script, 23 when the run only has a claim.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
root=$1
home=$root/var/lib/hostshift

put() {
    printf '%s' "$2" >"$1.new.$$" && mv -f "$1.new.$$" "$1"
}

now() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

fill() {
    mkdir -p "$dir" || exit 1
    boot=$(cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null)
    [ -e "$home/runs/$run/plan.json" ] || put "$home/runs/$run/plan.json" "$plan" || exit 1
    put "$dir/runner" "$runner" || exit 1
    put "$dir/script" "$script" || exit 1
    put "$dir/job.json" "{$fields,\"started_at\":\"$(now)\",\"boot_id\":\"$boot\"}
" || exit 1
    : >>"$dir/log" && : >>"$dir/progress" || exit 1
    sync "$dir/script" "$dir/runner" "$dir/job.json" 2>/dev/null || sync
}

# systemd.service(5), systemd.kill(5): a stop asks (ExecStop), then waits for ever, and nothing is
# ever killed while dpkg works; what a package started in the background outlives the job. Over
# D-Bus properties are not %-expanded, and nothing here could be: a run's and a step's id have no
# other characters than letters, digits, dots and dashes.
under_systemd() {
    systemd-run --quiet --collect --unit="hostshift-$run-$step" --service-type=exec \
        --description="hostshift: $step of run $run" \
        -p StandardInput=null -p "StandardOutput=append:$dir/log" -p "StandardError=append:$dir/log" \
        -p KillMode=mixed -p SendSIGKILL=no -p TimeoutStopSec=infinity \
        -p OOMPolicy=continue -p OOMScoreAdjust=-500 \
        -p "ExecStop=/bin/sh $dir/runner $dir stop" \
        -p "ExecStopPost=/bin/sh $dir/runner $dir stopped" \
        /bin/sh "$dir/runner" "$dir" main "$root" "$bound"
}

# A process that sh puts into the background ignores interrupts, and so would all its children;
# setsid's own fork (util-linux; busybox has none) does not do that.
detached() {
    if setsid -f true 2>/dev/null; then
        setsid -f sh "$dir/runner" "$dir" main "$root" "$bound" </dev/null >>"$dir/log" 2>&1
        return
    fi
    setsid sh "$dir/runner" "$dir" main "$root" "$bound" </dev/null >>"$dir/log" 2>&1 &
}

begin() {
    if [ -z "$root" ] && [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
        # Refused also when the unit is there already, because another start was faster.
        under_systemd || true
    else
        detached
    fi
    # Started means seen to have begun: ten seconds are plenty for a fork.
    tries=0
    until [ -d "$dir/begun" ] || [ "$tries" -ge 200 ]; do
        tries=$((tries + 1))
        sleep 0.05 2>/dev/null || { sleep 1 && tries=$((tries + 19)); }
    done
    [ -d "$dir/begun" ] || {
        echo "the job did not begin within ten seconds" >&2
        tail -n 5 "$dir/log" >&2
        exit 1
    }
}

main() {
    run=$1 step=$2 fields=$3 runner=$4 script=$5 plan=$6 bound=$7
    case $run$step in
    '' | *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    dir=$home/runs/$run/$step
    case $bound in
    '' | *[!0-9]*) exit 2 ;;
    esac
    case $(cat "$home/lock" 2>/dev/null) in
    '{"run":"'"$run"'",'*',"claim":true,'*) exit 23 ;;
    '{"run":"'"$run"'",'*) ;;
    *)
        echo other
        cat "$home/lock" 2>/dev/null
        exit 20
        ;;
    esac
    if [ -d "$dir/begun" ]; then
        [ "$(cat "$dir/script")" = "$(printf '%s' "$script")" ] || exit 21
        echo found
        exit 0
    fi
    fill
    begin
    echo started
}
