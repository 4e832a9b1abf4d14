#!/bin/sh
# guardian.sh ARMED ROOT watch|note|reread|decide VERDICT: the guard itself. A copy of it lies in
# ARMED, after its parts guardian_test.sh, guardian_back.sh and guardian_deployment.sh.
#
# watch counts down, judges and reverts; it is the unit's only process and may be started again at
# any moment, also by the next boot. note writes what the host's own test will compare with. decide
# settles the guard's end once and for all. reread says "differs PATH" of what isn't as it was
# saved, "deployment former|other" where that is guarded, then "reread". ARMED holds what was true
# at arming (guard.sh):
#   covered, saved/   the paths that are put back; what isn't in saved/ was not there
#   topics, units     words; lines "TOPIC UNIT" of the units that ran
#   expect            the host's test, a line each: what passed at arming and must pass again
#   deployment        the booted one, where the reboot into another one is guarded
#   deadline, settle, strict, boot
# Beside it lie left (the seconds that are left), failed (what failed when it judged), verdict
# ("WORD TIME": confirmed, withdrawn, stood-down, or fired, which is written before the first file
# is put back), rebooted (the boot in which it asked for another one), after ("passes" or "fails",
# written once all is back), and in replaced/ what was there instead of the saved copies.
set -u
armed=$1 root=$2 verb=$3
LC_ALL=C
export LC_ALL
PATH="${root:+$root/usr/bin:}$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
dir=${armed%/*}
# What of the host's own test failed last, in words.
bad=''
# A package manager that hangs for ever must not keep the guard from its work.
longest_job=14400

say() {
    printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"
}

# Below a ROOT (demo, tests) nothing is run but programs that lie there.
has() {
    found=$(command -v "$1" 2>/dev/null) || return 1
    case $found in
    "$root"/*) return 0 ;;
    esac
    return 1
}

within() {
    timeout -k 5 "$@" </dev/null
}

covers() {
    grep -qwF -e "$1" "$armed/topics"
}

there() {
    [ -e "$1" ] || [ -L "$1" ]
}

uptime_s() {
    cut -d. -f1 /proc/uptime
}

boot_id() {
    cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null
}

same_boot() {
    [ "$(boot_id)" = "$(cat "$armed/boot")" ]
}

# ---- deciding

# link(2) fails where the name exists: of two, one decides. The blocks were allocated at arming, so
# that a full disk can't swallow the verdict.
decide() {
    [ ! -e "$dir/verdict" ] || return 1
    printf '%-63s\n' "$1 $(date -u +%Y-%m-%dT%H:%M:%SZ)" 1<>"$armed/$1"
    sync "$armed/$1" 2>/dev/null
    ln "$armed/$1" "$dir/verdict" 2>/dev/null || return 1
    sync "$dir" 2>/dev/null
    say "$1"
}

# proc(5): the 22nd field of stat; nothing of a process that has ended and waits for its parent.
start_time() {
    sed -n 's/^.*) \([^ZX] .*\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# As follow.sh does it: no service manager is asked, which may be the one that is upgraded.
job_at_work() {
    boot=$(boot_id)
    for begun in "${dir%/*}"/*/begun; do
        job=${begun%/begun}
        [ -e "$job/pid" ] && [ ! -e "$job/exit" ] || continue
        grep -qF "\"boot_id\":\"$boot\"" "$job/job.json" || continue
        started=$(start_time "$(cat "$job/pid")")
        [ -z "$started" ] || [ "$started" != "$(cat "$job/pid_start")" ] || return 0
    done
    return 1
}

# Seconds of /proc/uptime, so that no jump of the clock shortens or lengthens anything; the time
# that the host is off doesn't count. A job of the run that works starts the count anew.
count_down() {
    left=$(cat "$dir/left")
    case $left in
    '' | *[!0-9-]*) left=$deadline ;;
    esac
    before=$(uptime_s) worked=0
    while [ "$left" -gt 0 ] && [ ! -e "$dir/verdict" ]; do
        if [ "$left" -gt 15 ]; then sleep 5; else sleep 1; fi
        now=$(uptime_s)
        if [ "$worked" -lt "$longest_job" ] && job_at_work; then
            worked=$((worked + now - before))
            left=$deadline
        else
            left=$((left - (now - before)))
        fi
        before=$now
        echo "$left" >"$dir/left.new" && mv -f "$dir/left.new" "$dir/left"
    done
}

judge() {
    if [ "$(cat "$armed/strict")" = yes ]; then
        say 'nobody has confirmed, and the guard is strict'
    elif passes; then
        decide stood-down && say "nobody has confirmed, but the host's own test passes"
        return
    else
        say "nobody has confirmed, and the host's own test fails: $bad"
        echo "$bad" >"$dir/failed"
    fi
    ! decide fired || revert
}

# After another boot everything first gets the time to start.
wait_for_boot() {
    ! same_boot || return 0
    say 'the host was restarted; still on guard'
    wait_for_start
}

wait_for_start() {
    ! has systemctl || within 180 systemctl is-system-running --wait >/dev/null
}

remove_unit() {
    unit=hostshift-guard-$(basename "${dir%/*}")-$(basename "$dir").service
    system=$root/etc/systemd/system
    rm -f "$system/multi-user.target.wants/$unit" "$system/$unit"
    if has systemctl; then within 60 systemctl daemon-reload; fi
    # Not to be started again, whatever the service manager said.
    return 0
}

watch() {
    deadline=$(cat "$armed/deadline")
    echo "$$ $(start_time "$$")" >"$dir/pid.$$" && mv -f "$dir/pid.$$" "$dir/pid"
    ! covers deployment || wait_for_reboot
    if [ ! -e "$dir/verdict" ]; then
        wait_for_boot
        count_down
        [ -e "$dir/verdict" ] || judge
    fi
    case $(cat "$dir/verdict") in
    fired*)
        if [ ! -e "$dir/after" ]; then revert; fi
        echo 1 >"$dir/exit"
        ;;
    *) echo 0 >"$dir/exit" ;;
    esac
    remove_unit
}

note() {
    note_tests
    ! covers deployment || note_deployment
}

reread() {
    while read -r path; do
        is_back "$path" || echo "differs $path"
    done <"$armed/covered"
    if covers deployment; then
        if is_former; then echo 'deployment former'; else echo 'deployment other'; fi
    fi
    echo reread
}

case $verb in
watch | note | reread) "$verb" ;;
decide) decide "$4" ;;
esac
