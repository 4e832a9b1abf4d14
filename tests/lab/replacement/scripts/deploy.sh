#!/bin/sh
# deploy.sh SERVICE   install a service on the successor: programs, units, accounts, no data
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
tar -c -C scripts/host . |
  feed "$HOSTSHIFT_NEW_ADDRESS" \
    "mkdir -p /opt/lab/$1 && tar -x -C /opt/lab/$1 && /opt/lab/$1/install.sh $1"
echo "$1 is deployed on $HOSTSHIFT_NEW_ADDRESS"
