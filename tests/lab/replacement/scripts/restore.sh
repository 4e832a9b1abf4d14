#!/bin/sh
# restore.sh SERVICE   bring the backup's data to the successor
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
case $1 in
  shop) feed "$HOSTSHIFT_NEW_ADDRESS" "$PG_RESTORE" ;;
  files) feed "$HOSTSHIFT_NEW_ADDRESS" "tar -x -C / && systemctl try-restart files.service" ;;
  *) feed "$HOSTSHIFT_NEW_ADDRESS" "tar -x -C /" ;;
esac <"backups/$1"
echo "$1 is restored on $HOSTSHIFT_NEW_ADDRESS"
