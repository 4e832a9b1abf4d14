#!/bin/sh
# references.sh   what still names the old host, where hostshift can't see it
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
echo "files is backed up from $HOSTSHIFT_OLD"
