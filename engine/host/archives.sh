# shellcheck shell=sh
# archives.sh: functions that read files of packages that are not installed yet, by the host's own apt.
# It stands after frames.sh, before changelog.sh and conffile_texts.sh. Leaves nothing behind.
# shellcheck disable=SC2154 # deadline and largest are set by who calls

each_s=20

# A folder of its own, gone at the end however that comes.
make_folder() {
    folder=$(mktemp -d "${TMPDIR:-/tmp}/hostshift-archives.XXXXXX") || return 1
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 1' HUP INT TERM PIPE
}

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

# One that lies in apt's cache already is taken from there.
fetch_archive() {
    bytes=$(within "$each_s" apt-cache show --no-all-versions "$1=$2" | sed -n 's/^Size: //p')
    case $bytes in '' | *[!0-9]*) return 1 ;; esac
    [ "$bytes" -le "$largest" ] || return 1
    (cd "$folder" && ask download "$1=$2" >&2) || return 1
    for archive in "$folder"/*.deb; do
        [ -s "$archive" ] || return 1
    done
}

# from_archive NAME: that file of the archive that was fetched, on standard output.
from_archive() {
    within "$each_s" dpkg-deb --fsys-tarfile "$archive" | tar -xOf - "$1" 2>/dev/null
}
