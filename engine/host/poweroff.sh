#!/bin/sh
# poweroff.sh ROOT: switch this host off, a moment later, so that the answer still comes back.
set -u
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH
if [ -d /run/systemd/system ]; then
    systemctl --no-block poweroff </dev/null
else
    poweroff </dev/null
fi
