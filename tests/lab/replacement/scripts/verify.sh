#!/bin/sh
# verify.sh   compare the shop's rows on both hosts
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
old=$(on "$HOSTSHIFT_OLD_ADDRESS" "shop digest")
new=$(on "$HOSTSHIFT_NEW_ADDRESS" "shop digest")
echo "$HOSTSHIFT_OLD: $old"
echo "$HOSTSHIFT_NEW: $new"
[ -n "$old" ] && [ "$old" = "$new" ]
