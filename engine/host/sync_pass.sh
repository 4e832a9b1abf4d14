#!/bin/sh
# sync_pass.sh: one pass of a sync over one volume, on the successor (docs/sync.md).
# Run as: sh PASS KIND WIRE -- COMMAND..., KIND being bulk, rehearsal, final, verify or proof, WIRE
# the volume's name on the way, COMMAND rsync with the volume's directory here as its last word; or
# KIND being trial or sums, and COMMAND what has server1 tell the sums of its files below KIB:
# KIB SSH... DIRECTORY. sync_sums.sh stands before it. PASS lies in
# ROOT/var/lib/hostshift/runs/RUN/sync.
#
# Says in plain words what rsync's exit status means, and what to do. Ends with 0; with 40 when
# verify or sums find differences, 41 when this host isn't the target of the run, 42 when the
# directory can't be one; with 100 and rsync's status where that failed (an act's own statuses lie below), or
# what the shell or ssh end with (126, 127, 255).
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
dir=${0%/*}
root=${dir%/var/lib/hostshift/runs/*}
run=${dir%/sync}
run=${run##*/}
kind=$1 wire=$2
shift 3
most_differences=200

say() {
    printf 'hostshift: %s\n' "$*"
}

# leave STATUS RSYNC_STATUS
leave() {
    say "pass $kind $wire ended with $2 after $(($(date +%s) - began)) s"
    exit "$1"
}

must_be_target() {
    role=
    while read -r in as _; do
        [ "$in" != "$run" ] || role="$role$as"
    done 2>/dev/null <"$root/var/lib/hostshift/direction"
    if [ "$role" != target ]; then
        say "refused: in run $run this host is not the target of data (it is: ${role:-nothing})"
        leave 41 41
    fi
}

must_be_usable() {
    if [ -L "$target" ]; then
        say "refused: $wire is a link here; make it a directory, or name where it leads to as volume"
    elif [ -e "$target" ] && [ ! -d "$target" ]; then
        say "refused: $wire is no directory here"
    else
        return 0
    fi
    leave 42 42
}

# Lines of --itemize-changes (rsync(1)) are counted, and the first of them shown.
count_differences() {
    awk -v most="$most_differences" '
        /^\*deleting / || (substr($0, 1, 11) ~ /^[<>ch.][fdLDS][^ ]*$/ && substr($0, 12, 1) == " ") {
            found++
            if (found > most) next
        }
        { print }
        END {
            if (found > most) print "hostshift: and " found - most " more"
            print "count " found + 0 | "cat >&3"
        }'
}

# Sets $status and $differences. A pipe's own status is that of its end.
compare() {
    exec 4>&1
    answer=$({
        {
            "$@" 3>&- 4>&-
            echo "status $?" >&3
        } | count_differences >&4 4>&-
    } 3>&1)
    status=$(printf '%s\n' "$answer" | sed -n 's/^status //p')
    differences=$(printf '%s\n' "$answer" | sed -n 's/^count //p')
    status=${status:-1} differences=${differences:-unknown}
}

# compare_sums KIB COMMAND... DIRECTORY: both sides read at once. Sets $status and $differences.
compare_sums() {
    below=$1
    shift
    left=$#
    for word in "$@"; do
        shift
        left=$((left - 1))
        [ "$left" -eq 0 ] || set -- "$@" "$word"
    done
    (cd -P -- "$target" && sums "$below") >"$dir/sums.here" &
    status=0
    "$@" >"$dir/sums.there" || status=$?
    wait $! || [ "$status" -ne 0 ] || status=44
    # While server1 serves, files come and go: that both sides could tell something is enough.
    if [ "$kind" = trial ] && [ -s "$dir/sums.here" ] && [ -s "$dir/sums.there" ]; then
        case $status in 44 | 123) status=0 ;; esac
    fi
    # What stands on one side only, or otherwise there; a newline in a name is shown as "?".
    sort -z "$dir/sums.here" "$dir/sums.there" | uniq -z -u | tr '\n\0' '?\n' |
        sed 's/^[^ ]*  //' | sort -u >"$dir/sums.differ"
    differences=$(wc -l <"$dir/sums.differ")
    if [ "$kind" = trial ]; then
        differences=0
    else
        head -n "$most_differences" "$dir/sums.differ" | sed 's/^/differs: /'
    fi
    rm -f "$dir/sums.here" "$dir/sums.there" "$dir/sums.differ"
}

explain() {
    case $1 in
    10 | 12 | 255)
        say "the connection to server1 was not made, was lost, or server1 refused; the lines above" \
            "say more. Look at the network and at server1's sshd, then run this pass again: it goes" \
            "on from what has arrived"
        ;;
    30 | 35)
        say "server1 was silent for longer than rsync waits (--timeout). Look at the network and at" \
            "server1's load, then run this pass again: it goes on from what has arrived"
        ;;
    23)
        say "not everything could be copied: the lines above that begin with 'rsync:' name the files" \
            "and why. Mend that (room, read errors, access lists that a file system can't keep)," \
            "then run this pass again"
        ;;
    24)
        say "files vanished while they were read: something still writes $wire on server1. Freeze" \
            "what writes, then run this pass again"
        ;;
    11) say "something could not be read or written here; is there room? ($(room))" ;;
    19 | 20) say "rsync was stopped; run this pass again, it goes on from what has arrived" ;;
    44 | 123) say "the sums of the small files could not be made, here or on server1; the lines above" \
        'say why. checksum_below = 0 leaves them out' ;;
    # What ssh ended with, where it was faster than rsync's own end (rsync's cleanup.c); else 12.
    43) say "server1 refused this; the line above that begins with 'hostshift: server1' says why" ;;
    126 | 127)
        say "rsync can't be run, here or on server1 (the lines above say where); install it:" \
            "apt-get install rsync"
        ;;
    *) say "rsync ended with $1 (rsync(1), EXIT VALUES); the lines above say why" ;;
    esac
}

room() {
    # shellcheck disable=SC2012 # the last line of df, whatever the name
    df -P -k "${target%/*}/" 2>/dev/null | awk 'END { print $4 " KiB free" }'
}

began=$(date +%s)
for target in "$@"; do :; done
target=${target%/} # with a slash a link is what it leads to, and a file is nothing
say "pass $kind $wire begins"
must_be_target
must_be_usable
differences=0
case $kind in
bulk | final)
    mkdir -p "${target%/*}/" || leave 42 42
    status=0
    "$@" || status=$?
    ;;
verify)
    compare "$@"
    say "differences in $wire: $differences"
    ;;
trial | sums)
    compare_sums "$@"
    [ "$kind" = trial ] || say "differences in $wire: $differences"
    ;;
*)
    status=0
    "$@" || status=$?
    ;;
esac
if [ "$status" -eq 24 ] && [ "$kind" = bulk ]; then
    say "some files vanished while they were read, as happens while a service runs; the next pass" \
        "settles it"
    leave 0 24
fi
if [ "$status" -ne 0 ]; then
    # rsync writes without a newline at the end of its progress.
    printf '\n'
    explain "$status"
    if [ "$status" -lt 100 ]; then leave $((100 + status)) "$status"; fi
    leave "$status" "$status"
fi
if [ "$differences" != 0 ]; then
    say "the copy of $wire is not what server1 has (differences: $differences). Look at the lines" \
        "above, see what still writes on either side, and run the final pass again"
    leave 40 0
fi
leave 0 0
