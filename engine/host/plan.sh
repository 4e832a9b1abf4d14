#!/bin/sh
# plan.sh ROOT RUN [PLAN]: the plan of a run as the host keeps it (root only), empty where there is
# none. With PLAN it is kept first, unless it is there.
set -u
umask 077
case $2 in
'' | *[!A-Za-z0-9.-]*) exit 2 ;;
esac
file=$1/var/lib/hostshift/runs/$2/plan.json
if [ $# -gt 2 ] && [ ! -e "$file" ]; then
    mkdir -p "${file%/*}" && printf '%s' "$3" >"$file.new.$$" && mv -f "$file.new.$$" "$file" ||
        exit 1
fi
[ ! -e "$file" ] || exec cat "$file"
