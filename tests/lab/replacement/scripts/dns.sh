#!/bin/sh
# dns.sh   change a zone as a provider's command would: the change is on standard input, as JSON
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
"$LAB_PYTHON" ./scripts/change_zone.py ./tsig.key
