#!/bin/sh
# sync_gate.sh: the only thing that a sync's one-time key can do on server1 (docs/sync.md).
# Run as: sh GATE WORDS, by sshd's forced command, WORDS being what the client asked for
# (SSH_ORIGINAL_COMMAND, sshd(8)). GATE lies in ROOT/var/lib/hostshift/runs/RUN/sync-gate and ends
# with one call: main RUN WIRE PATH [WIRE PATH]..., WIRE being a volume's name on the way.
# sync_sums.sh stands before it.
#
# Passed on is "rsync --server --sender OPTIONS . WIRE/" alone, with options that are known to
# read, and PATH in the place of WIRE; "sums KIB . WIRE/" is answered. WORDS are compared and split at
# blanks, and never read by a shell. Everything else is refused with a line on standard error and exit status 43.
set -u
LC_ALL=C
export LC_ALL
asked=${1-}
dir=${0%/*}
root=${dir%/var/lib/hostshift/runs/*}
# Below a ROOT (tests) its own programs come first.
PATH=${root:+$root/doubles:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

refuse() {
    printf 'hostshift: server1 refuses: %s\n' "$*" >&2
    exit 43
}

is_number() {
    case $1 in
    '' | *[!0-9]*) return 1 ;;
    esac
}

# Short options as rsync's client sends them: letters, then "e" with what both sides can do, which
# takes the rest of the word (options.c, server_options()). Not among them: L, k and K, which follow
# links out of the volume, R, s (words that come later, unseen), and all that a sender doesn't need.
is_cluster() {
    letters=${1%%e*}
    case $letters in
    - | *[!nlHogDtpAXrcxSd-]* | -*-*) return 1 ;;
    esac
    case $1 in
    *e*)
        case ${1#*e} in
        [!.0-9]* | '' | *[!A-Za-z0-9.]*) return 1 ;;
        esac
        ;;
    esac
}

is_harmless() {
    case $1 in
    --numeric-ids) ;;
    --timeout=* | --bwlimit=*) is_number "${1#*=}" ;;
    --*) return 1 ;;
    -*) is_cluster "$1" ;;
    *) return 1 ;;
    esac
}

# "RUN ROLE PEER" lines say which way data go.
must_be_source() {
    role=
    while read -r in as _; do
        [ "$in" != "$1" ] || role="$role$as"
    done 2>/dev/null <"$root/var/lib/hostshift/direction"
    [ "$role" = source ] ||
        refuse "in run $1 it is not the source of data (it is: ${role:-nothing})"
}

main() {
    must_be_source "$1"
    shift
    case $asked in
    *[!A-Za-z0-9\ /._=,%-]*) refuse 'it was asked for something with characters that rsync does not send' ;;
    'rsync --server --sender '*' . /'*/ | 'sums '*' . /'*/) ;;
    'rsync --server '*) refuse 'nothing is written here; data go from server1 to the successor only' ;;
    *) refuse 'this key is for rsync that reads, and for nothing else' ;;
    esac
    wire=${asked##* . }
    options=${asked% . *}
    below=
    set -f
    IFS=' '
    case $options in
    sums\ *)
        below=${options#sums }
        is_number "$below" || refuse "the size $below"
        ;;
    *)
        options=${options#rsync --server --sender }
        for word in $options; do
            is_harmless "$word" || refuse "the option $word"
        done
        ;;
    esac
    volume=
    while [ $# -ge 2 ]; do
        [ "$1/" != "$wire" ] || volume=$2
        shift 2
    done
    [ -n "$volume" ] || refuse "$wire is no volume of this run"
    cd -P -- "$root$volume" 2>/dev/null || refuse "$wire is not there, or no directory"
    # With --delete an empty source empties the successor: perhaps its file system isn't mounted.
    [ -n "$(find . ! -name . ! -name lost+found -prune -print 2>/dev/null | head -c 1)" ] ||
        refuse "$wire is empty; is its file system mounted?"
    if [ -n "$below" ]; then
        sums "$below"
        exit
    fi
    # From inside, so that rsync sees no name that it could take for a pattern.
    # shellcheck disable=SC2086 # words of known letters
    exec rsync --server --sender $options . ./
}
