#!/bin/sh
# deploy: puts ./services/SERVICE on the successor and runs its install.sh there.
# install.sh must be safe to run again. hostshift stops the service before the final copy.
# shellcheck disable=SC2029 # names are of letters, digits, ".", "-" and "_": safe over there
set -eu
: "${HOSTSHIFT_SERVICE:?}" "${HOSTSHIFT_NEW_ADDRESS:?}"
service=$HOSTSHIFT_SERVICE
files=${SERVICES:-./services}/$service

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$files" -cf "$work/files.tar" .
ssh "root@$HOSTSHIFT_NEW_ADDRESS" "set -eu
    mkdir -p /opt/deploy/$service
    tar -C /opt/deploy/$service -xf -" <"$work/files.tar"
ssh -n "root@$HOSTSHIFT_NEW_ADDRESS" "cd /opt/deploy/$service && sh ./install.sh"
echo "deployed $service on $HOSTSHIFT_NEW"
