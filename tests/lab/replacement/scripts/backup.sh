#!/bin/sh
# backup.sh SERVICE   keep a backup of the old host's data on this machine
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
case $1 in
  shop) on "$HOSTSHIFT_OLD_ADDRESS" "$PG_DUMP" ;;
  *) on "$HOSTSHIFT_OLD_ADDRESS" "tar -c -C / srv/$1" ;;
esac >"work/$1.backup"
mv "work/$1.backup" "backups/$1"
