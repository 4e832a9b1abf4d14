#!/bin/sh
# lock.sh ROOT, then one call of main: the host's lock on all acting, /var/lib/hostshift/lock.
#
#   main take RUN FIELDS DAYS [OVER]  take it, or find it taken by the same run; OVER is the run
#                               whose claim is overridden; remove finished runs that are older
#                               than DAYS (0: none)
#   main beat RUN STEP          say that the controller lives, and which step it carries out
#   main wait RUN STEP          make it a claim: the run waits, others may act, but only by name
#   main resume RUN STEP        make the claim a lock again
#   main release RUN            give it back; a claim that was overridden is there again then
#   main evidence RUN           what speaks for and against breaking RUN's lock; changes nothing
#   main break BY RUN FIELDS    break RUN's lock for the run BY, unless something speaks against it
#
# The lock is one line of JSON in a regular file that everybody may read. It is taken by link(2),
# which fails when the name exists, and changed by rename(2): no reader ever sees half a line. Who
# changes it holds flock(2) on the directory, where there is flock(1).
# FIELDS is the inside of a JSON object, of take it starts with the run's id; times are this host's.
# What was overridden or broken is told in /var/lib/hostshift/locks-broken, a line of JSON each.
# An overridden claim lies in claim.RUN meanwhile.
#
# Prints one word (taken, held, beaten, waiting, resumed, released, absent, broken) and ends with 0,
# or "other" and the lock's line, and ends with 20. evidence prints "lock LINE" or "absent", then
# lines "for TEXT" and "against TEXT"; so does break, after its word, and ends with 22 and "refused"
# when something speaks against it. members.sh stands before this for those two.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 022
root=$1
home=$root/var/lib/hostshift
lock=$home/lock
boot_file=$root/proc/sys/kernel/random/boot_id
# Seconds without a word from the controller after which a lock may be broken.
stale=300

now() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

ours() {
    case $(cat "${2:-$lock}" 2>/dev/null) in
    '{"run":"'"$1"'",'*) return 0 ;;
    esac
    return 1
}

is_claim() {
    grep -q ',"claim":true,"step":"[^"]*","heartbeat":"[^"]*"}$' "$1" 2>/dev/null
}

other() {
    echo other
    cat "$lock"
    exit 20
}

# One at a time; the lock goes with this process.
alone() {
    [ -d "$home" ] && command -v flock >/dev/null 2>&1 || return 0
    exec 9<"$home"
    flock -w 20 9 || exit 1
}

take() {
    mkdir -p "$home" || exit 1
    chmod 755 "$home"
    (umask 077 && mkdir -p "$home/runs") || exit 1
    alone
    boot=$(cat "$boot_file" 2>/dev/null)
    new=$home/lock.$1.$$
    moment=$(now)
    printf '{%s,"since":"%s","boot_id":"%s","step":"","heartbeat":"%s"}\n' \
        "$2" "$moment" "$boot" "$moment" >"$new" || exit 1
    chmod 644 "$new"
    sync "$new" 2>/dev/null
    if [ -n "${4:-}" ] && [ "$4" != "$1" ] && ours "$4" && is_claim "$lock"; then
        tell '"what":"overridden","by":{'"$2"'},"lock":'"$(cat "$lock")" || exit 1
        mv -f "$lock" "$home/claim.$4" || exit 1
    fi
    if ln "$new" "$lock" 2>/dev/null; then
        # Our own claim, overridden before, is none any more.
        rm -f "$new" "$home/claim.$1"
        prune "$1" "$3"
        echo taken
        return
    fi
    rm -f "$new"
    ours "$1" || other
    echo held
}

# A run is finished when every job in it has its result; others stay until a person has looked.
prune() {
    [ "$2" -gt 0 ] || return 0
    for old in "$home"/runs/*/; do
        [ -d "$old" ] || continue
        [ "$old" != "$home/runs/$1/" ] || continue
        [ -n "$(find "$old" -prune -mtime +"$2")" ] || continue
        waiting=${old%/}
        [ ! -e "$home/claim.${waiting##*/}" ] || continue
        finished=yes
        for job in "$old"*/; do
            [ -d "$job" ] || continue # a run that ended at its gate has none
            [ -e "${job}exit" ] || finished=no
        done
        [ "$finished" = no ] || rm -rf "$old"
    done
}

# change RUN STEP CLAIM: CLAIM is what the line says before the step, "\1" for what it said.
change() {
    case $2 in
    *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    alone
    ours "$1" || {
        [ ! -e "$lock" ] || other
        echo absent
        exit 0
    }
    new=$home/lock.$1.$$
    # A full disk must leave neither an empty lock behind nor half a one.
    if sed 's/\(,"claim":true\)*,"step":"[^"]*","heartbeat":"[^"]*"}$/'"$3"',"step":"'"$2"'","heartbeat":"'"$(now)"'"}/' \
        "$lock" >"$new" && [ -s "$new" ]; then
        mv -f "$new" "$lock"
    else
        rm -f "$new"
        return 1
    fi
}

# The lock's time of change is the sign of life (see judge), and needs no room on a full disk.
beat() {
    change "$1" "$2" '\1' || touch -c "$lock" 2>/dev/null || true # the next one tells
    echo beaten
}

wait_at() {
    change "$1" "$2" ',"claim":true' || exit 1
    echo waiting
}

resume() {
    change "$1" "$2" '' || exit 1
    echo resumed
}

release() {
    alone
    rm -f "$home/claim.$1"
    if [ ! -e "$lock" ]; then
        echo absent
        return
    fi
    ours "$1" || other
    rm -f "$lock" "$home"/lock."$1".* || exit 1
    back_to_claim
    echo released
}

# The claim that was overridden last counts again.
back_to_claim() {
    # shellcheck disable=SC2012 # names of our own making
    last=$(ls -t "$home"/claim.* 2>/dev/null | head -n 1)
    [ -n "$last" ] || return 0
    if ln "$last" "$lock" 2>/dev/null; then rm -f "$last"; fi
}

# tell FIELDS: a line of locks-broken, or 1 where the whole line can't be written.
tell() {
    {
        [ ! -e "$home/locks-broken" ] || cat "$home/locks-broken"
        printf '{"at":"%s",%s}\n' "$(now)" "$1"
    } >"$home/locks-broken.new" || return 1
    chmod 644 "$home/locks-broken.new" && sync "$home/locks-broken.new" 2>/dev/null
    mv -f "$home/locks-broken.new" "$home/locks-broken"
}

# judge RUN: lines "for" and "against". Fails closed: what can't be read speaks against.
judge() {
    if ! ours "$1"; then
        echo "against the lock is not of run $1"
        return
    fi
    age=$(($(date +%s) - $(stat -c %Y "$lock" 2>/dev/null || date +%s)))
    if [ "$age" -gt "$stale" ]; then
        echo "for its controller was heard of $age s ago, more than $stale s"
    else
        echo "against its controller was heard of $age s ago, not more than $stale s"
    fi
    at_work=no
    for job in "$home/runs/$1"/*/; do
        [ -d "$job" ] || continue
        job=${job%/}
        step=${job##*/}
        unit=hostshift-$1-$step.service
        [ -d "$job/begun" ] || continue
        if [ -z "$root" ] && [ -d /run/systemd/system ]; then
            state=$(systemctl show -p ActiveState "$unit" 2>/dev/null)
            case $state in
            *=inactive | *=failed) ;;
            *)
                echo "against unit $unit: ${state:-can not be asked}"
                at_work=yes
                ;;
            esac
        fi
        [ ! -e "$job/exit" ] || continue
        found=$(members "$root" "$1" "$step" | show "against step $step: process")
        if [ -n "$found" ]; then
            printf '%s\n' "$found"
            at_work=yes
        else
            echo "for step $step has left no result, and none of its processes is there"
        fi
    done
    [ "$at_work" = yes ] || echo "for no unit and no process of this run is there"
}

evidence() {
    if [ ! -e "$lock" ]; then
        echo absent
        return
    fi
    printf 'lock %s\n' "$(head -n 1 "$lock")"
    judge "$1"
}

break_it() {
    case $2 in
    '' | *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    alone
    if [ ! -e "$lock" ]; then
        echo absent
        return
    fi
    ours "$2" || other
    verdict=$(judge "$2")
    case "
$verdict" in
    *"
against "*)
        echo refused
        printf '%s\n' "$verdict"
        exit 22
        ;;
    esac
    # Only our own words, and numbers: no character that JSON would mind.
    words=$(printf '%s\n' "$verdict" | sed 's/^for //; s/.*/"&"/' | paste -sd, -)
    tell '"what":"broken","run":"'"$1"'",'"$3"',"lock":'"$(cat "$lock")"',"evidence":['"$words"']' || exit 1
    # The name is taken away first: of two only one can do that.
    mv "$lock" "$home/lock.$1.$$" 2>/dev/null || {
        echo absent
        return
    }
    rm -f "$home/lock.$1.$$" "$home"/lock."$2".*
    back_to_claim
    echo broken
    printf '%s\n' "$verdict"
}

main() {
    verb=$1
    shift
    case $1 in
    '' | *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    case $verb in
    wait) wait_at "$@" ;; # the shell has a wait, a break and a release of its own
    break) break_it "$@" ;;
    *) "$verb" "$@" ;;
    esac
}
