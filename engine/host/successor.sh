#!/bin/sh
# successor.sh ROOT, then one of: what this host knows of the successor that is being built for it, in
# /var/lib/hostshift/successor: its name, its address, and perhaps "serves", a line each.
#
#   note NAME ADDRESS   remember it
#   moved NAME          remember that it has the right to write now: a third line, "serves"
#   given SERVICE...    print each of these whose right to write was given away; changes nothing
#   forget NAME         remember it no more, unless another one is noted
#
# Ends with 0 when that is so.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 022
home=$1/var/lib/hostshift
verb=$2
shift 2

case $verb in
note)
    mkdir -p "$home" || exit 1
    printf '%s\n' "$1" "$2" >"$home/successor.new" || exit 1
    sync
    mv -f "$home/successor.new" "$home/successor"
    ;;
moved)
    { read -r name && read -r address; } <"$home/successor" 2>/dev/null || exit 0
    [ "$name" = "$1" ] || exit 0
    printf '%s\n' "$name" "$address" serves >"$home/successor.new" || exit 1
    sync
    mv -f "$home/successor.new" "$home/successor"
    ;;
given)
    for service in "$@"; do
        is=''
        { read -r is _ <"$home/writers/$service"; } 2>/dev/null
        [ "$is" != moved ] || printf '%s\n' "$service"
    done
    ;;
forget)
    [ -e "$home/successor" ] || exit 0
    { read -r name <"$home/successor"; } 2>/dev/null
    [ "$name" != "$1" ] || rm -f "$home/successor"
    ;;
*) exit 2 ;;
esac
