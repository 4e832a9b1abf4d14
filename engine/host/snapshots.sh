#!/bin/sh
# snapshots.sh ROOT, then one of: which snapshots of this machine there may be, in
# /var/lib/hostshift/snapshots: the run that had it taken, and when (this host's clock), a line each.
#
#   note RUN   it is about to be taken
#   drop RUN   it isn't there, or isn't there any more
#
# Ends with 0 when that is so.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 022
home=$1/var/lib/hostshift
verb=$2 run=$3
kept=$home/snapshots

case $verb in
note)
    mkdir -p "$home" || exit 1
    ! grep -q "^$run " "$kept" 2>/dev/null || exit 0
    { cat "$kept" 2>/dev/null; printf '%s %s\n' "$run" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"; } >"$kept.new" || exit 1
    ;;
drop)
    [ -e "$kept" ] || exit 0
    grep -v "^$run " "$kept" >"$kept.new"
    if [ ! -s "$kept.new" ]; then
        rm -f "$kept" "$kept.new"
        exit
    fi
    ;;
*) exit 2 ;;
esac
sync
mv -f "$kept.new" "$kept"
