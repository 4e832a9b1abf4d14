#!/bin/sh
# final_backup.sh   what the old host still has of the files, kept apart from the other backups
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
on "$HOSTSHIFT_OLD_ADDRESS" "tar -C /srv -cf - files" >work/last-of-files.new
mv work/last-of-files.new work/last-of-files.tar
echo "the last of $HOSTSHIFT_OLD: $(wc -c <work/last-of-files.tar) bytes"
