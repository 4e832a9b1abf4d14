#!/bin/sh
# withdraw.sh ROOT RUN STEP: make sure that a job that has not begun never begins.
#
# Whoever makes the directory "begun" decides, as mkdir(2) succeeds once: the runner, or this.
# Prints "begun" when the runner was first; else "withdrawn", and leaves the result of a job that
# was asked to stop before its first command.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
case $2$3 in
'' | *[!A-Za-z0-9.-]*) exit 2 ;;
esac
dir=$1/var/lib/hostshift/runs/$2/$3
mkdir -p "$dir" || exit 1
if ! mkdir "$dir/begun" 2>/dev/null; then
    [ -d "$dir/begun" ] || exit 1
    if [ -e "$dir/withdrawn" ]; then echo withdrawn; else echo begun; fi
    exit 0
fi
: >"$dir/withdrawn"
: >"$dir/untouched"
: >>"$dir/log"
echo 12 >"$dir/exit.new" && mv -f "$dir/exit.new" "$dir/exit"
echo withdrawn
