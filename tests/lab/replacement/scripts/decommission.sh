#!/bin/sh
# decommission.sh   switch the old host off and destroy it
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
echo "ending $HOSTSHIFT_OLD"
"$LAB_PYTHON" ./scripts/ask.py "$LAB_CLOUD" destroy "$HOSTSHIFT_OLD"
