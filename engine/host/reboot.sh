#!/bin/sh
# reboot.sh ROOT, after holder.sh and before one call of main: what speaks against a reboot of this
# host, the reboot, and what the host says afterwards.
#
#   main ready RUN BUSY...             look; BUSY are names of programs, at most 15 bytes each
#   main begin RUN STEP FIELDS GO      reboot, detached from this connection, at most once a step;
#                                      GO is the text of reboot_go.sh, FIELDS the inside of a JSON
#                                      object for job.json
#   main back RUN STEP                 look; after the reboot, or before it
#
# The step's directory is that of a job (job.sh). Only one mkdir(2) of its "begun" succeeds, and who
# made it reboots: a run that is carried on after the reboot finds it and never reboots again.
# begin ends with 20 when the lock is another's, with 22 when the package manager or a job is at
# work; both change nothing.
#
# Output, a line each, a word and its text; docs/runs.md. The last line is "done".
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
root=$1
home=$root/var/lib/hostshift
package_programs='dpkg apt apt-get aptitude do-release-upgr dnf dnf5 yum zypper rpm'

say() {
    printf '%s\n' "$*"
}

put() {
    printf '%s' "$2" >"$1.new.$$" && mv -f "$1.new.$$" "$1"
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# A bus that doesn't answer must not hold up the rest.
within() {
    timeout 10 "$@" </dev/null 2>/dev/null
}

under_systemd() {
    [ -d "$root/run/systemd/system" ] && has systemctl
}

# field PROCESS NUMBER: of its stat, counted after the name (proc(5)): 20 is the start time.
field() {
    sed 's/^.*) //' "$1/stat" 2>/dev/null | cut -d' ' -f"$2"
}

# What tells one boot from another. In a container the boot id may be the machine's, which stays;
# the start of process 1 is its own.
about() {
    say "boot $(cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null)"
    say "pid1 $(field "$root/proc/1" 20)"
    say "kernel $(uname -r)"
    say "uptime $(cut -d' ' -f1 "$root/proc/uptime" 2>/dev/null)"
    if under_systemd; then say 'systemd yes'; else say 'systemd no'; fi
}

# ---- what speaks against it

# programs WORD NAMES...: "WORD PID START NAME" of every process with such a name (comm, proc(5)).
programs() {
    word=$1
    shift
    for comm in "$root"/proc/[0-9]*/comm; do
        name=''
        { read -r name <"$comm"; } 2>/dev/null
        case $name in
        '' | *' '*) continue ;;
        esac
        case " $* " in
        *" $name "*) ;;
        *) continue ;;
        esac
        process=${comm%/comm}
        # A zombie has ended.
        [ "$(field "$process" 1)" != Z ] || continue
        say "$word ${process##*/} $(field "$process" 20) $name"
    done
}

packages() {
    if [ -r "$root/proc/locks" ]; then
        holder=$(lock_holder)
        [ -z "$holder" ] || say "lock $holder"
    else
        say 'unread dpkg /proc/locks'
    fi
    # shellcheck disable=SC2086 # names, one word each
    programs package $package_programs
}

# Jobs whose process is there (runner.sh), asked of the real /proc also where ROOT is set.
at_work() {
    for file in "$home"/runs/*/*/pid; do
        job=${file%/pid}
        # A guard on watch is no work: it waits for this very reboot, or goes on after it.
        if [ ! -e "$file" ] || [ -e "$job/exit" ] || [ -d "$job/armed" ]; then continue; fi
        started=$(field "/proc/$(cat "$file")" 20)
        if [ -n "$started" ] && [ "$started" = "$(cat "$job/pid_start" 2>/dev/null)" ]; then
            say "job ${job#"$home/runs/"}"
        fi
    done
    case $(cat "$home/lock" 2>/dev/null) in
    '' | '{"run":"'"$run"'",'*) ;;
    *) say "other $(head -c 2000 "$home/lock" | head -n 1)" ;;
    esac
}

# A guard that was armed for this reboot, and has ended before it.
guard_over() {
    for armed in "$home/runs/$run"/*/armed; do
        guard=${armed%/armed}
        if [ -e "$armed/deployment" ] && [ -e "$guard/verdict" ]; then say "guard ${guard##*/}"; fi
    done
}

# Sessions as logind knows them, else utmp; and whose terminals sshd serves, in its own words
# ("sshd: USER@TTY"): logind isn't told of the terminal of each login, and not every system has utmp.
logins() {
    say "own ${SUDO_UID:-$(id -u)}"
    if under_systemd && has loginctl && list=$(within loginctl list-sessions --no-legend --no-pager); then
        say 'logins logind'
        for id in $(printf '%s\n' "$list" | awk '{ print $1 }' | head -n 100); do
            within loginctl show-session -p Id -p User -p Name -p TTY -p RemoteHost -p Timestamp \
                -p Leader -p Class -p State "$id" | sed 's/^/session /'
        done
    elif has who && list=$(within who); then
        say 'logins who'
        printf '%s\n' "$list" | head -n 100 | sed 's/^/who /'
    else
        say 'logins unread'
    fi
    for comm in "$root"/proc/[0-9]*/comm; do
        name=''
        { read -r name <"$comm"; } 2>/dev/null
        case $name in
        sshd | sshd-session) ;;
        *) continue ;;
        esac
        process=${comm%/comm}
        title=$(tr '\0\n' '  ' <"$process/cmdline" 2>/dev/null | head -c 200)
        say "ssh ${process##*/} $(field "$process" 2) $title"
    done
}

# Only logind keeps inhibitors (systemd-inhibit(1), whose own list can't be taken apart).
inhibitors() {
    under_systemd || return 0
    if list=$(within busctl --json=short call org.freedesktop.login1 /org/freedesktop/login1 \
        org.freedesktop.login1.Manager ListInhibitors); then
        say "inhibitors $list" | head -c 60000 | head -n 1
    else
        say 'inhibitors unread'
    fi
}

ready() {
    run=$1
    shift
    about
    kind=unread
    if has systemd-detect-virt; then
        kind=$(within systemd-detect-virt -c)
    elif [ -r "$root/run/systemd/container" ]; then
        kind=$(head -n 1 "$root/run/systemd/container")
    fi
    say "container ${kind:-unread}"
    packages
    at_work
    [ -r "$root/proc/1/comm" ] || say 'unread busy /proc'
    programs busy "$@"
    logins
    inhibitors
}

# ---- the reboot

# What runs and what has failed before, so that it can be told afterwards what doesn't run again.
note_units() {
    if list=$(within systemctl list-units --state=failed --all --plain --full --no-legend \
        --no-pager); then
        printf '%s\n' "$list" | awk 'NF { print "failed " $1 }'
        say failed-read
    fi
    running=$(within systemctl list-units --type=service --state=active --plain --full \
        --no-legend --no-pager | awk '{ print $1 }' | head -n 500)
    [ -n "$running" ] || return 0
    # shellcheck disable=SC2086 # names, one word each
    within systemctl show --no-pager -p Id -p Type -p Transient -p UnitFileState -p TriggeredBy \
        -p WantedBy -p RequiredBy -p BoundBy $running | sed 's/^/ran /'
}

# What is known of the step: whether it was begun, when and in which boot, and what ran then.
record() {
    [ -d "$dir/begun" ] || return 0
    say "begun $(cat "$dir/job.json" 2>/dev/null)"
    cat "$dir/units" 2>/dev/null
    if [ -e "$dir/exit" ]; then say "exit $(head -n 1 "$dir/exit")"; fi
    tail -n 5 "$dir/log" 2>/dev/null | head -c 2000 | sed 's/^/log /'
}

detach() {
    if [ -z "$root" ] && [ -d /run/systemd/system ] && has systemd-run; then
        systemd-run --quiet --collect --unit="hostshift-$run-$step" --on-active=1 \
            --timer-property=AccuracySec=100ms --description="hostshift: $step of run $run" \
            -p StandardInput=null -p "StandardOutput=append:$dir/log" \
            -p "StandardError=append:$dir/log" \
            /bin/sh "$dir/script" "$dir" 0 systemctl --no-block reboot
        return
    fi
    # Below another root there must never be a way to this machine's own.
    program=$root/sbin/reboot
    [ -n "$root" ] || program=reboot
    # With -f it is on its own when this goes on; busybox has none.
    if setsid -f true 2>/dev/null; then
        setsid -f sh "$dir/script" "$dir" 1 "$program" </dev/null >>"$dir/log" 2>&1
    else
        setsid sh "$dir/script" "$dir" 1 "$program" </dev/null >>"$dir/log" 2>&1 &
    fi
}

checked() {
    case $1$2 in
    '' | *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    run=$1 step=$2
    dir=$home/runs/$run/$step
}

begin() {
    checked "$1" "$2"
    if [ -d "$dir/begun" ]; then
        say how found
        record
        return
    fi
    case $(cat "$home/lock" 2>/dev/null) in
    '{"run":"'"$run"'",'*) ;;
    *)
        say other
        cat "$home/lock" 2>/dev/null
        exit 20
        ;;
    esac
    against=$(packages; at_work; guard_over)
    if [ -n "$against" ]; then
        say how refused
        say "$against"
        say 'done'
        exit 22
    fi
    mkdir -p "$dir" || exit 1
    put "$dir/script" "$4" || exit 1
    put "$dir/job.json" "{$3,\"started_at\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"boot_id\":\"$(
        cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null
    )\",\"pid1_start\":\"$(field "$root/proc/1" 20)\"}
" || exit 1
    : >>"$dir/log" || exit 1
    if under_systemd; then note_units >"$dir/units"; fi
    sync "$dir/script" "$dir/job.json" "$dir/units" 2>/dev/null || sync
    if ! mkdir "$dir/begun" 2>/dev/null; then
        [ -d "$dir/begun" ] || exit 1
        say how found
        record
        return
    fi
    sync "$dir" "$dir/begun" 2>/dev/null || sync
    detach || {
        status=$?
        echo "the reboot could not be handed over: status $status" >>"$dir/log"
        put "$dir/exit" "$status
"
    }
    say how started
    record
}

# ---- afterwards

back() {
    checked "$1" "$2"
    about
    record
    under_systemd || return 0
    say "state $(within systemctl is-system-running)"
    # Two numbers of microseconds on the clock that /proc/uptime shows in seconds.
    say "settled $(within systemctl show -p FinishTimestampMonotonic | cut -d= -f2)"
    if list=$(within systemctl list-units --all --state=active,reloading,failed --plain --full \
        --no-legend --no-pager); then
        printf '%s\n' "$list" | awk 'NF { print "unit " $3 " " $1 }'
        say units-read
    fi
    ran=$(sed -n 's/^ran Id=//p' "$dir/units" 2>/dev/null)
    [ -n "$ran" ] || return 0
    # shellcheck disable=SC2086 # names, one word each
    within systemctl show --no-pager -p Id -p LoadState $ran | awk -F= '
        $1 == "Id" { id = $2 }
        $1 == "LoadState" { state = $2 }
        !NF || (id != "" && state != "") {
            if (state == "not-found") print "lost " id
            id = state = ""
        }'
}

main() {
    verb=$1
    shift
    "$verb" "$@"
    say 'done'
}
