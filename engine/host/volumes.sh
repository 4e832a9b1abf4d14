# shellcheck shell=sh disable=SC2154 # root, time_limit, most_lines and until are the script's after it
# volumes.sh: how a volume is looked at, after frames.sh: for preflight.sh and sync_look.sh, which
# must count alike. It only defines functions.

# What the sources of mounts are called otherwise, and the identifiers of their file systems.
look_devices() {
    devices=0
    for link in "$root"/dev/disk/by-uuid/* "$root"/dev/mapper/*; do
        [ -h "$link" ] || continue
        devices=$((devices + 1))
        [ "$devices" -le "$most_lines" ] || break
        put link "${link#"$root"} $(readlink -f "$link")"
    done
    put seen all
}

# One volume: what it is, its own file system's room, who owns what is at its top, and its size.
look_volume() {
    volume=$root$1
    kind=$(within "$time_limit" stat -L -c %F "$volume" 2>/dev/null)
    if [ -z "$kind" ]; then
        kind=missing
        if [ -h "$volume" ]; then kind='dangling link'; fi
        if ! searchable "$1"; then kind=hidden; fi
    fi
    put kind "$kind"
    [ "$kind" = directory ] || return 0
    real=$(readlink -f "$volume")
    put real "/${real#"$root/"}"
    within "$time_limit" stat -f -c '%n %f %S %d %c' "$volume" | sed 's/^.* \([0-9]* [0-9]* [0-9]* [0-9]*\)$/room=\1/'
    if [ ! -r "$volume" ] || [ ! -x "$volume" ]; then
        put readable no
        return 0
    fi
    put readable yes
    within "$time_limit" find "$volume/." -maxdepth 1 -exec stat -c 'owner=%u %g' {} + | sort -u | head -n 100
    put acl "$(within "$time_limit" find "$volume/." -maxdepth 1 -exec ls -dn {} + | grep -c '^.\{10\}+')"
    left=$(left)
    if [ "$left" -lt 1 ]; then
        put counted 124
        return 0
    fi
    # shellcheck disable=SC2016 # sed's own $
    # The last line of du is the whole; the number of lines is that of the entries.
    {
        within "$left" du -a -x -k "$volume/." 2>/dev/null
        printf 'counted=%s\n' "$?"
    } | sed -n '${x;s/^\([0-9]*\).*/kilobytes=\1/p;x;p;=;};h' | sed 's/^[0-9]*$/lines=&/'
}

# searchable PATH: whether it would be seen if it were there.
searchable() {
    above=${1%/*}
    while [ -n "$above" ] && [ ! -d "$root$above" ]; do above=${above%/*}; done
    [ -x "$root$above/" ]
}

# left: how many of the seconds for volumes are left.
left() {
    { read -r up _ </proc/uptime; } 2>/dev/null
    printf '%s' $((until - ${up%%.*}))
}
