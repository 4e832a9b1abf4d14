#!/bin/sh
# restore: puts the newest backup of the service on the successor, in place of what is there.
# shellcheck disable=SC2029 # names are of letters, digits, ".", "-" and "_": safe over there
set -eu
: "${HOSTSHIFT_SERVICE:?}" "${HOSTSHIFT_OLD_ADDRESS:?}" "${HOSTSHIFT_NEW_ADDRESS:?}"
backup=${BACKUP:-root@backup.example.com}
service=$HOSTSHIFT_SERVICE
target=/srv/$service

if [ "$HOSTSHIFT_NEW_ADDRESS" = "$HOSTSHIFT_OLD_ADDRESS" ]; then
    echo "the successor has the old server's address: nothing is restored over it" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# In two steps: a pipe would hide that the first half of it failed.
ssh -n "$backup" "cat /backup/$service/newest.tar" >"$work/newest.tar"
tar -tf "$work/newest.tar" >/dev/null
ssh "root@$HOSTSHIFT_NEW_ADDRESS" "set -eu
    systemctl stop $service.service
    rm -rf $target.restoring
    mkdir -p $target.restoring
    tar --numeric-owner -xpf - -C $target.restoring
    rm -rf $target
    mv $target.restoring $target
    systemctl start $service.service" <"$work/newest.tar"
echo "restored $service on $HOSTSHIFT_NEW"
