# shellcheck shell=sh
# act.sh: the beginning of every job's script, after holder.sh; the calls that follow are the job.
# Run as: sh SCRIPT ROOT DIR. Exit statuses of its own, all of which mean "nothing was changed"
# and leave the file DIR/untouched: 10 the simulation says something else than planned (DIR/
# difference), 11 the package manager's lock was held for too long (DIR/holder), 12 asked to stop,
# 13 the simulation could not be made, 14 a repair would remove packages (DIR/difference), 15 the
# packages could not be downloaded. Without that file 12, 13 and 14 mean that nothing was changed by
# what would have come next.
set -u
root=$1
dir=$2
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH
acted=no

say() {
    printf 'hostshift: %s\n' "$*"
}

leave() {
    # Not ":", whose redirection would end the whole script where it fails.
    [ "$acted" = yes ] || true >"$dir/untouched"
    exit "$1"
}

stop_asked() {
    if [ -e "$dir/stop" ]; then
        say "stopped as asked, before: $*"
        leave 12
    fi
}

# wait_for_lock SECONDS
wait_for_lock() {
    waited=0
    told=
    while :; do
        stop_asked "waiting for the package manager's lock"
        holder=$(lock_holder)
        [ -n "$holder" ] || break
        if [ "$waited" -ge "$1" ]; then
            say "the package manager's lock is still held by $holder after ${waited} s; nothing was changed"
            printf '%s\n' "$holder" >"$dir/holder"
            leave 11
        fi
        if [ "$holder" != "$told" ] || [ $((waited % 60)) -eq 0 ]; then
            say "the package manager's lock is held by $holder; waiting, $(($1 - waited)) s at most"
            told=$holder
        fi
        sleep 1
        waited=$((waited + 1))
    done
}

# hold_off SECONDS: apt's own daily work (apt.systemd.daily: lists, downloads, unattended-upgrades) waits
# for as long as this job lives, by the lock that it takes itself, with flock(1). However the job ends
# the kernel gives it back, so there is nothing to restore. What the job runs doesn't inherit it: a
# daemon that a package starts would hold it on.
hold_off() {
    daily=$root/var/lib/apt/daily_lock
    command -v flock >/dev/null 2>&1 && [ -d "${daily%/*}" ] || return 0
    { true >>"$daily"; } 2>/dev/null || return 0
    exec 9>>"$daily"
    waited=0
    until flock -n 9; do
        stop_asked "waiting for apt's own daily work"
        if [ "$waited" -ge "$1" ]; then
            say "apt's own daily work still goes on after ${waited} s; nothing was changed"
            printf '%s\n' "apt's own daily work (apt.systemd.daily)" >"$dir/holder"
            leave 11
        fi
        if [ $((waited % 60)) -eq 0 ]; then
            say "apt's own daily work goes on; waiting, $(($1 - waited)) s at most"
        fi
        sleep 1
        waited=$((waited + 1))
    done
    say "apt's own daily work waits until this has ended"
}

# apt-get's "Inst NAME [OLD] (NEW ORIGIN [ARCH])", "Remv NAME [OLD]" and "Purg NAME [OLD]" as
# "Inst NAME OLD|- NEW" and "Remv NAME OLD".
canonical() {
    awk '
        $1 == "Inst" {
            old = "-"; at = 3
            if ($3 ~ /^\[/) { old = substr($3, 2, length($3) - 2); at = 4 }
            new = substr($at, 2); sub(/\)$/, "", new)
            print "Inst", $2, old, new
        }
        $1 == "Remv" || $1 == "Purg" {
            old = "-"
            if ($3 ~ /^\[/) old = substr($3, 2, length($3) - 2)
            print "Remv", $2, old
        }' | LC_ALL=C sort -u
}

# expect LINE: one canonical line of the plan.
expect() {
    printf '%s\n' "$1" >>"$dir/planned.all"
}

# guard COMMAND...: simulate, and end unless the simulation says exactly what was planned.
guard() {
    stop_asked "$*"
    say "simulating once more: $*"
    "$@" >"$dir/simulation" </dev/null 9>&- || {
        status=$?
        cat "$dir/simulation"
        say "the simulation ended with $status; nothing was changed"
        leave 13
    }
    : >>"$dir/planned.all"
    LC_ALL=C sort -u "$dir/planned.all" >"$dir/planned"
    canonical <"$dir/simulation" >"$dir/found"
    if LC_ALL=C cmp -s "$dir/planned" "$dir/found"; then
        say "the simulation says what was planned"
        return
    fi
    {
        LC_ALL=C comm -23 "$dir/planned" "$dir/found" | sed 's/^/- /'
        LC_ALL=C comm -13 "$dir/planned" "$dir/found" | sed 's/^/+ /'
    } >"$dir/difference"
    say "this host would now change something else than planned (- planned, + now); nothing was changed:"
    cat "$dir/difference"
    leave 10
}

# fetched PACKAGE VERSION: its archive in apt's cache; a colon of the version is %3a in the name.
fetched() {
    for found in "$root/var/cache/apt/archives/${1%%:*}_$(printf %s "$2" | sed 's/:/%3a/g')_"*.deb; do
        [ -r "$found" ] && printf '%s\n' "$found" && return
    done
    return 1
}

# holds ARCHIVE PATH: whether it has a file of that name.
holds() {
    dpkg-deb --fsys-tarfile "$1" | tar -tf - ".$2" >/dev/null 2>&1
}

# What lies beside configuration files, into FILE: inode, time of change and name of each, sorted.
# dpkg writes .dpkg-new and renames it to .dpkg-dist where it keeps the administrator's file (dpkg(1),
# --force-confold); ucf(1) leaves .ucf-dist. Without FILE afterwards it could not be listed in time.
list_beside() {
    rm -f "$1"
    if [ -d "$root/etc" ]; then
        (
            cd "$root/etc" && timeout 20 find . -xdev -type f \
                \( -name '*.dpkg-dist' -o -name '*.dpkg-new' -o -name '*.ucf-dist' \) \
                -exec stat -c '%i %Z %n' {} +
        ) >"$1.all" </dev/null 2>/dev/null || return 0
    else
        true >"$1.all" || return 0
    fi
    LC_ALL=C sort "$1.all" >"$1.new" 2>/dev/null && mv -f "$1.new" "$1"
}

# Which of them came since before, into DIR/kept, a name each; "?" alone when that can't be told,
# which a disk that has filled up meanwhile can't hide: to link needs no room.
find_kept() {
    list_beside "$dir/beside.now"
    if [ -e "$dir/beside" ] && [ -e "$dir/beside.now" ] &&
        LC_ALL=C comm -13 "$dir/beside" "$dir/beside.now" |
        sed 's|^[0-9]* [0-9]* \.|/etc|' >"$dir/kept.new"; then
        mv -f "$dir/kept.new" "$dir/kept"
    else
        ln -f "$dir/unlisted" "$dir/kept"
    fi
}

# spare COMMAND...: simulate, and end when the simulation would remove a package.
spare() {
    stop_asked "$*"
    say "simulating: $*"
    "$@" >"$dir/simulation" </dev/null 9>&- || {
        status=$?
        cat "$dir/simulation"
        say "the simulation ended with $status; nothing more was changed"
        leave 13
    }
    cat "$dir/simulation"
    canonical <"$dir/simulation" | sed -n 's/^Remv/+ Remv/p' >"$dir/difference"
    if [ -s "$dir/difference" ]; then
        say "this would remove packages, which a person must decide; nothing more was changed:"
        cat "$dir/difference"
        leave 14
    fi
    rm -f "$dir/difference"
    say "nothing would be removed"
}

# Run a command. An apt-get that tells of its progress is noted in DIR/hand, for a stop.
in_hand() {
    case "$*" in
    'apt-get '*' APT::Status-Fd='*)
        # shellcheck disable=SC2016 # for the inner shell
        sh -c 'echo "$$ $1" >"$0"; shift; exec "$@"' "$dir/hand" \
            "$(stat -c %s "$dir/progress" 2>/dev/null || echo 0)" "$@"
        ;;
    *) "$@" ;;
    esac </dev/null 9>&-
}

# carry_out COMMAND...: sets $status.
carry_out() {
    stop_asked "$*"
    if [ "$acted" = no ]; then
        list_beside "$dir/beside"
        echo '?' >"$dir/unlisted"
    fi
    say "running: $*"
    status=0
    in_hand "$@" || status=$?
    rm -f "$dir/hand"
    find_kept
    if [ "$status" -eq 130 ] && [ -e "$dir/interrupted" ]; then
        case " $* " in
        *' update '*) acted=yes ;; # some lists may be new
        esac
        say "stopped as asked, before any package was changed by: $*"
        leave 12
    fi
}

# try COMMAND...: what comes after it decides whether its failure counts.
try() {
    carry_out "$@"
    acted=yes
    [ "$status" -eq 0 ] || say "ended with exit status $status, and is not the last word: $*"
}

# Whether the first command ended because apt-get could not download everything. It says so then and
# calls no dpkg (apt's apt-private/private-install.cc), of which it would tell in DIR/progress.
not_downloaded() {
    tail -c 4096 "$dir/log" | grep -q '^E: Unable to fetch some archives' &&
        [ -e "$dir/progress" ] && ! grep -q '^pm' "$dir/progress"
}

# act COMMAND...: the first one that fails ends the job with its exit status.
act() {
    carry_out "$@"
    if [ "$status" -ne 0 ]; then
        # apt takes this lock before it does anything, so nothing was changed by this command.
        if [ "$acted" = no ] && tail -c 4096 "$dir/log" |
            grep -q 'Unable to acquire the dpkg frontend lock\|Unable to lock directory'; then
            tail -c 4096 "$dir/log" | sed -n 's/.*held by \(process [^)]*)\).*/\1/p' |
                tail -n 1 >"$dir/holder"
            leave 11
        fi
        if [ "$acted" = no ] && not_downloaded; then
            say "the packages could not be downloaded; nothing was changed by: $*"
            leave 15
        fi
        acted=yes
        say "ended with exit status $status: $*"
        exit "$status"
    fi
    acted=yes
}
