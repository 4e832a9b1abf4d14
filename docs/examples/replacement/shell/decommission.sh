#!/bin/sh
# decommission: ends the old server, a virtual machine of a libvirt host: off first, then gone.
set -eu
: "${HOSTSHIFT_OLD:?}"
hypervisor=${HYPERVISOR:-root@hypervisor.example.com}
deadline=${DEADLINE:-180}
old=$HOSTSHIFT_OLD

if [ "$old" = "${HOSTSHIFT_NEW:-}" ]; then
    echo "$old is the successor: it is not ended" >&2
    exit 1
fi

names=$(ssh -n "$hypervisor" "virsh list --all --name")
if ! printf '%s\n' "$names" | grep -qxF -e "$old"; then
    echo "$old is gone already"
    exit 0
fi

while state=$(ssh -n "$hypervisor" "virsh domstate $old"); [ "${state%% *}" != shut ]; do
    if [ "$deadline" -le 0 ]; then
        echo "$old is still $state; its disk is not touched" >&2
        exit 1
    fi
    ssh -n "$hypervisor" "virsh shutdown $old" || echo "asking again"
    sleep 2
    deadline=$((deadline - 2))
done
echo "$old is off"
ssh -n "$hypervisor" "virsh undefine $old --nvram --remove-all-storage"
echo "$old is gone"
