#!/bin/sh
# provision.sh   make the successor, or find it where it was made already
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
echo "making $HOSTSHIFT_NEW"
"$LAB_PYTHON" ./scripts/ask.py "$LAB_CLOUD" provision "$HOSTSHIFT_NEW"
