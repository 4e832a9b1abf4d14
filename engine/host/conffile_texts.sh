# shellcheck shell=sh
# shellcheck disable=SC2329,SC2317 # "section" calls functions by their names
# shellcheck disable=SC2034 # what archives.sh uses
# shellcheck disable=SC2154 # $nonce and $1 are set by "prepare" in frames.sh and by sh
# Configuration files as they are here and as a pending version of their package has them. Leaves
# nothing behind. Sent on standard input, after frames.sh and archives.sh, to
# sh -s -- ROOT NONCE SECONDS LARGEST [PATH PACKAGE VERSION]...
#
#   SECONDS   for all of them together; what isn't had by then is left out
#   LARGEST   bytes of an archive that may be fetched
#
# Sections: host; for the Nth file recorded-N (its checksum as dpkg recorded it, dpkg-query(1)), here-N
# (exit status 3: there is none) and new-N.

set -u

size_limit=200000

look_here() {
    [ -e "$root$1" ] || return 3
    [ -f "$root$1" ] || {
        printf 'it is no ordinary file\n' >&2
        return 1
    }
    head -c "$size_limit" "$root$1"
}

look_recorded() {
    # shellcheck disable=SC2016 # dpkg-query's own field
    within "$each_s" dpkg-query -W -f '${Conffiles}\n' "$2" |
        awk -v path="$1" 'match($0, / [0-9a-f]+$/) && RLENGTH == 33 &&
            substr($0, 2, RSTART - 2) == path { print substr($0, RSTART + 1); exit }'
}

# look_new PATH PACKAGE VERSION: of an archive that holds several of these it is fetched once.
look_new() {
    if [ "$(cat "$folder/which" 2>/dev/null)" != "$2=$3" ]; then
        rm -f "$folder"/*.deb "$folder/which"
        fetch_archive "$2" "$3" || return 1
        printf '%s\n' "$2=$3" >"$folder/which"
    fi
    for archive in "$folder"/*.deb; do :; done
    from_archive ".$1" >"$folder/text" || {
        printf 'the new version has no such file\n' >&2
        return 1
    }
    head -c "$size_limit" "$folder/text"
}

main() {
    root=$1
    prepare "$1" "$2"
    deadline=$(($(date +%s) + $3)) largest=$4
    shift 4
    make_folder || return 1
    section host 1000 put seen all
    number=0
    while [ $# -ge 3 ] && left; do
        number=$((number + 1))
        section "recorded-$number" 1000 look_recorded "$1" "$2"
        section "here-$number" "$size_limit" look_here "$1"
        section "new-$number" "$size_limit" look_new "$1" "$2" "$3"
        shift 3
    done
    printf '\n%s done\n' "$nonce"
}

main "$@"
exit 0
