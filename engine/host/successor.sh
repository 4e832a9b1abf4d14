#!/bin/sh
# successor.sh ROOT, then one of: what this host knows of the successor that is being built for it, in
# /var/lib/hostshift/successor: its name, its address, and perhaps "serves", a line each; and of whom it is the
# successor itself, in successor-of: that one's name and its own.
#
#   note NAME ADDRESS   remember it
#   moved NAME          remember that it has the right to write now: a third line, "serves"
#   given SERVICE...    print each of these whose right to write was given away; changes nothing
#   forget NAME         remember it no more, unless another one is noted
#   of OLD NEW          print whose successor this host, NEW, is; where nobody's, remember that it is OLD's.
#                       What an image of another server has brought along says another NEW, and counts for nothing
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
of)
    whose='' own=''
    { read -r whose own <"$home/successor-of"; } 2>/dev/null
    if [ -z "$whose" ] || [ "$own" != "$2" ]; then
        mkdir -p "$home" || exit 1
        printf '%s %s\n' "$1" "$2" >"$home/successor-of.new" || exit 1
        sync
        mv -f "$home/successor-of.new" "$home/successor-of" || exit 1
        whose=$1
    fi
    printf '%s\n' "$whose"
    ;;
*) exit 2 ;;
esac
