#!/bin/sh
# reboot_go.sh DIR SECONDS COMMAND...: asks for the reboot and keeps what came of it in DIR.
#
# reboot.sh starts a copy of it, DIR/script, detached: DIR/log has the command's words, DIR/exit its
# status. The reboot that it asks for ends everything, itself included, so it hears no signal.
set -u
umask 077
trap '' HUP INT TERM
dir=$1
sleep "$2"
shift 2
"$@" </dev/null >>"$dir/log" 2>&1
echo "$?" >"$dir/exit.new"
mv -f "$dir/exit.new" "$dir/exit"
sync "$dir/exit" "$dir" 2>/dev/null || sync
