#!/bin/sh
# sync.sh   bring the shop's database to the successor: a whole dump, in the bulk pass for practice
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
case $HOSTSHIFT_PASS in
  bulk) ;;
  final)
    on "$HOSTSHIFT_OLD_ADDRESS" "shop is-frozen" || {
      echo "the shop of $HOSTSHIFT_OLD still takes writes" >&2
      exit 1
    }
    ;;
  *) exit 2 ;;
esac
dump=work/shop.$HOSTSHIFT_PASS
on "$HOSTSHIFT_OLD_ADDRESS" "$PG_DUMP" >"$dump"
feed "$HOSTSHIFT_NEW_ADDRESS" "$PG_RESTORE" <"$dump"
echo "the shop was copied ($HOSTSHIFT_PASS, $(wc -c <"$dump") bytes)"
