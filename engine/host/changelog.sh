# shellcheck shell=sh
# shellcheck disable=SC2329,SC2317 # "section" calls functions by their names
# shellcheck disable=SC2034 # what archives.sh uses
# shellcheck disable=SC2154 # $nonce and $1 are set by "prepare" in frames.sh and by sh
# The changelogs of pending updates, by the host's own apt. Leaves nothing behind. Sent on standard
# input, after frames.sh and archives.sh, to sh -s -- ROOT NONCE SECONDS LARGEST [PACKAGE VERSION]...
#
#   SECONDS   for all of them together; what isn't had by then is left out
#   LARGEST   bytes of an archive that may be fetched where there is no changelog to be had alone
#
# Sections: host; for the Nth package changelog-N, whose first line says where it is from (apt, or
# archive: the .deb), and news-N where there was an archive with one. POSIX sh with apt and dpkg.

set -u

size_limit=300000

look_changelog() {
    : >"$folder/changelog"
    if [ ! -e "$folder/offline" ]; then
        ask changelog "$1=$2" 2>"$folder/errors" | head -c "$size_limit" >"$folder/changelog"
        tail -n 3 "$folder/errors" >&2
        # One name that can't be resolved costs seconds; the others have the same server.
        if grep -q -e resolve -e connect -e 'timed out' "$folder/errors"; then : >"$folder/offline"; fi
    fi
    if [ -s "$folder/changelog" ]; then
        echo apt
    else
        fetch_archive "$1" "$2" || return 1
        documents=./usr/share/doc/${1%%:*}
        file_of changelog.Debian || file_of changelog || return 1
        echo archive
    fi
    cat "$folder/changelog"
}

# file_of NAME: that document of the archive as $folder/changelog; fails where it has none.
file_of() {
    from_archive "$documents/$1.gz" | gzip -dc 2>/dev/null | head -c "$size_limit" >"$folder/changelog"
    [ -s "$folder/changelog" ] && return 0
    from_archive "$documents/$1" | head -c "$size_limit" >"$folder/changelog"
    [ -s "$folder/changelog" ]
}

look_news() {
    file_of NEWS.Debian || file_of NEWS || return 1
    cat "$folder/changelog"
}

main() {
    prepare "$1" "$2"
    deadline=$(($(date +%s) + $3)) largest=$4
    shift 4
    make_folder || return 1
    section host 1000 put seen all
    number=0
    while [ $# -ge 2 ] && left; do
        number=$((number + 1))
        rm -f "$folder"/*.deb
        section "changelog-$number" "$size_limit" look_changelog "$1" "$2"
        for archive in "$folder"/*.deb; do
            documents=./usr/share/doc/${1%%:*}
            if [ -s "$archive" ]; then section "news-$number" "$size_limit" look_news; fi
        done
        shift 2
    done
    printf '\n%s done\n' "$nonce"
}

main "$@"
exit 0
