#!/bin/sh
# provision with OpenTofu or Terraform: applies main.tf in the successor's own workspace.
set -eu
: "${HOSTSHIFT_NEW:?}"
here=$(dirname "$0")
tofu=${TOFU:-$(command -v tofu || command -v terraform)}
exec </dev/null # the event is on standard input; nothing below asks

"$tofu" -chdir="$here" init -input=false -no-color
"$tofu" -chdir="$here" workspace select -no-color -or-create "$HOSTSHIFT_NEW"
"$tofu" -chdir="$here" apply -input=false -no-color -auto-approve -var "name=$HOSTSHIFT_NEW"

# The last line is what hostshift reads; -raw ends without a newline.
line=$("$tofu" -chdir="$here" output -no-color -raw hostshift)
printf '%s\n' "$line"
