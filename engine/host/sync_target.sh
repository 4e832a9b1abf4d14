#!/bin/sh
# sync_target.sh ROOT, then calls: the successor's side of a sync (docs/sync.md).
#
#   key RUN PASS [back]                   make the one-time key, or find it; PASS is the text of
#                                         sync_pass.sh; back: also where this host was the source
#                                         in former runs
#   ready RUN ADDRESS CONFIG KNOWN [back] note the source at ADDRESS; CONFIG and KNOWN are the texts
#                                         of ssh's configuration and of its known hosts
#   prove WIRE COMMAND...                 after ready: try one volume's way without copying
#   drop RUN                              remove the key and all that belongs to it
#   finish                                the last of them
#
# Everything lies in ROOT/var/lib/hostshift/runs/RUN/sync; the private key never leaves it. Prints
# "key TYPE BASE64"; "problem TEXT"; "tried STATUS WIRE" and what was said, as "said LINE";
# "dropped" or "left"; "done". Ends with 24 and "reversed LINE" when data went the other way, with
# 25 and a reason when there can be no key.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
root=$1
home=$root/var/lib/hostshift
linked=yes

put() {
    printf '%s' "$2" >"$1.new.$$" && mv -f "$1.new.$$" "$1"
}

of_run() {
    run=$1
    case $run in
    '' | *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    dir=$home/runs/$run/sync
}

# note_direction PEER [back]: "-" while it isn't known yet.
note_direction() {
    said=$home/direction
    while read -r in as peer; do
        case "$in $as $peer" in
        "$run target $1") return 0 ;;
        "$run target "*) [ "$1" != - ] || return 0 ;;
        esac
        case "$in $as $peer${2:-}" in
        "$run source "* | *" source $1")
            echo "reversed $in $as $peer"
            exit 24
            ;;
        esac
    done 2>/dev/null <"$said"
    (
        umask 022
        mkdir -p "$home" && {
            [ ! -e "$said" ] || grep -v "^$(printf '%s' "$run" | sed 's/[.]/[.]/g') target " "$said"
            echo "$run target $1"
        } >"$said.new.$$" && mv -f "$said.new.$$" "$said"
    ) || exit 1
}

key() {
    of_run "$1"
    note_direction - "${3:-}"
    mkdir -p "$dir" && put "$dir/pass" "$2" || exit 1
    if [ ! -e "$dir/key" ]; then
        command -v ssh-keygen >/dev/null || {
            echo 'ssh-keygen is missing there'
            exit 25
        }
        rm -f "$dir/making" "$dir/making.pub"
        ssh-keygen -q -t ed25519 -N '' -C hostshift -f "$dir/making" </dev/null >&2 || exit 1
        mv -f "$dir/making.pub" "$dir/key.pub" && mv -f "$dir/making" "$dir/key" || exit 1
    fi
    sed -n 's/^\([a-z0-9-]* [A-Za-z0-9+\/=]*\).*/key \1/p' "$dir/key.pub"
}

ready() {
    of_run "$1"
    case $2 in
    '' | *[!0-9A-Fa-f.:]*) exit 2 ;;
    esac
    note_direction "$2" "${5:-}"
    mkdir -p "$dir" && put "$dir/ssh_config" "$3" && put "$dir/known_hosts" "$4" || exit 1
    [ -e "$dir/key" ] || echo 'problem The one-time key is gone from the successor.'
    command -v rsync >/dev/null || {
        echo 'problem rsync is not installed on the successor: apt-get install rsync'
        linked=no
    }
}

prove() {
    wire=$1
    shift
    if [ "$linked" = no ]; then return 0; fi
    status=0
    "$@" </dev/null >"$dir/proof" 2>&1 || status=$?
    echo "tried $status $wire"
    tail -n 20 "$dir/proof" | head -c 4000 | sed 's/^/said /'
    echo
    rm -f "$dir/proof"
    # What can't connect now can't a moment later; each try would take its time.
    [ "$status" -ne 255 ] || linked=no
}

drop() {
    of_run "$1"
    rm -rf "$dir"
    if [ -e "$dir" ]; then echo left; else echo dropped; fi
}

finish() {
    echo 'done'
}
