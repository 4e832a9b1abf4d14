# shellcheck shell=sh
# shellcheck disable=SC2329,SC2317 # "section" calls functions by their names
# shellcheck disable=SC2154 # $nonce and $1 are set by "prepare" in frames.sh and by sh
# The changelogs of pending updates, by the host's own apt. Leaves nothing behind. Sent on standard
# input, after frames.sh, to sh -s -- ROOT NONCE SECONDS LARGEST [PACKAGE VERSION]...
#
#   SECONDS   for all of them together; what isn't had by then is left out
#   LARGEST   bytes of an archive that may be fetched where there is no changelog to be had alone
#
# Sections: host; for the Nth package changelog-N, whose first line says where it is from (apt, or
# archive: the .deb), and news-N where there was an archive with one. POSIX sh with apt and dpkg.

set -u

each_s=20
size_limit=300000

left() {
    left_s=$((deadline - $(date +%s)))
    if [ "$left_s" -gt "$each_s" ]; then left_s=$each_s; fi
    [ "$left_s" -gt 0 ]
}

# Where apt finds the address, how it is asked and what proxies it uses is the host's configuration.
ask() {
    left || return 1
    PAGER='cat' within "$left_s" apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10 \
        -o Acquire::https::Timeout=10 "$@"
}

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
        file_of changelog.Debian || file_of changelog || return 1
        echo archive
    fi
    cat "$folder/changelog"
}

# One that lies in apt's cache already is taken from there.
fetch_archive() {
    bytes=$(within "$each_s" apt-cache show --no-all-versions "$1=$2" | sed -n 's/^Size: //p')
    case $bytes in '' | *[!0-9]*) return 1 ;; esac
    [ "$bytes" -le "$largest" ] || return 1
    (cd "$folder" && ask download "$1=$2" >&2) || return 1
    for archive in "$folder"/*.deb; do
        [ -s "$archive" ] || return 1
    done
    documents=./usr/share/doc/${1%%:*}
}

# file_of NAME: that document of the archive as $folder/changelog; fails where it has none.
file_of() {
    from_archive "$1.gz" | gzip -dc 2>/dev/null | head -c "$size_limit" >"$folder/changelog"
    [ -s "$folder/changelog" ] && return 0
    from_archive "$1" | head -c "$size_limit" >"$folder/changelog"
    [ -s "$folder/changelog" ]
}

from_archive() {
    within "$each_s" dpkg-deb --fsys-tarfile "$archive" | tar -xOf - "$documents/$1" 2>/dev/null
}

look_news() {
    file_of NEWS.Debian || file_of NEWS || return 1
    cat "$folder/changelog"
}

main() {
    prepare "$1" "$2"
    deadline=$(($(date +%s) + $3)) largest=$4
    shift 4
    folder=$(mktemp -d "${TMPDIR:-/tmp}/hostshift-changelog.XXXXXX") || return 1
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 1' HUP INT TERM PIPE
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
