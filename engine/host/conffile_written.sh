# shellcheck shell=sh
# shellcheck disable=SC2329,SC2317 # "section" calls functions by their names
# shellcheck disable=SC2154 # $1 is set by sh
# What a release upgrade's run has written down about configuration files (release.sh). Changes nothing. Sent on
# standard input, after frames.sh, to sh -s -- ROOT NONCE LIMIT, LIMIT in bytes.
#
# Sections: host; written (exit status 3: nothing is); since, lines "gone PATH" of files that aren't here, "later
# PATH" of those that were changed after that.

set -u

look_written() {
    [ -e "$written" ] || return 3
    cat "$written"
}

look_since() {
    sed -n 's/^conffile [^ ]* [^ ]* //p' "$written" | while IFS= read -r path; do
        if [ ! -e "$root$path" ]; then
            printf 'gone %s\n' "$path"
        elif [ -n "$(find -L "$root$path" -prune -newer "$written")" ]; then
            printf 'later %s\n' "$path"
        fi
    done
}

main() {
    root=$1 written=$1/var/lib/hostshift/release/differences
    prepare "$1" "$2"
    section host 1000 put seen all
    section written "$3" look_written
    [ ! -r "$written" ] || section since 100000 look_since
    printf '\n%s done\n' "$nonce"
}

main "$@"
exit 0
