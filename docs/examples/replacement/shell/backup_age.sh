#!/bin/sh
# backup_age: the time of the newest backup of the service that restore.sh would take.
set -eu
: "${HOSTSHIFT_SERVICE:?}"
backup=${BACKUP:-root@backup.example.com}
folder=/backup/$HOSTSHIFT_SERVICE

# Only what is whole has this name: the backup writes NAME.part and renames it at the end.
seconds=$(ssh -n "$backup" "stat -c %Y $folder/newest.tar")
date -u -d "@$seconds" +%Y-%m-%dT%H:%M:%SZ
