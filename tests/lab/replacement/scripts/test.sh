#!/bin/sh
# test.sh   the operator's own test of the files: what was restored is all there
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
count=$(on "$HOSTSHIFT_NEW_ADDRESS" "ls /srv/files/archive | wc -l")
echo "the archive of $HOSTSHIFT_SERVICE on $HOSTSHIFT_NEW has $count entries"
[ "$count" -ge 100 ]
