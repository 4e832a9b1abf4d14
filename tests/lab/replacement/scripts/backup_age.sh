#!/bin/sh
# backup_age.sh SERVICE   when the newest backup was made (RFC 3339)
# shellcheck source-path=SCRIPTDIR source=common.sh
. ./scripts/common.sh
date --utc --reference="backups/$1" +%Y-%m-%dT%H:%M:%SZ
