#!/bin/sh
# deploy with Ansible: the play of the service, on the successor alone.
set -eu
: "${HOSTSHIFT_SERVICE:?}" "${HOSTSHIFT_NEW:?}" "${HOSTSHIFT_NEW_ADDRESS:?}"
here=$(dirname "$0")

# The comma makes it a list of hosts instead of a file's name. Host keys are checked: hostshift has
# pinned the successor's.
ANSIBLE_HOST_KEY_CHECKING=True exec ansible-playbook -i "$HOSTSHIFT_NEW," \
    -e "ansible_host=$HOSTSHIFT_NEW_ADDRESS" -e "service=$HOSTSHIFT_SERVICE" \
    "$here/playbook.yml" </dev/null
