#!/bin/sh
# decommission with OpenTofu or Terraform: destroys what stands in the old server's own workspace.
# The empty workspace stays, so that a second run finds it and has nothing left to do.
set -eu
: "${HOSTSHIFT_OLD:?}"
if [ "$HOSTSHIFT_OLD" = "${HOSTSHIFT_NEW:-}" ]; then
    echo "$HOSTSHIFT_OLD is the successor: it is not ended" >&2
    exit 1
fi
here=$(dirname "$0")
tofu=${TOFU:-$(command -v tofu || command -v terraform)}
exec </dev/null

"$tofu" -chdir="$here" init -input=false -no-color
"$tofu" -chdir="$here" workspace select -no-color "$HOSTSHIFT_OLD"
"$tofu" -chdir="$here" destroy -input=false -no-color -auto-approve -var "name=$HOSTSHIFT_OLD"
