#!/bin/sh
# provision: makes the successor as a virtual machine of a libvirt host, from a cloud image.
# Run again it finds what is there, and goes on where it was interrupted.
# shellcheck disable=SC2029 # names are of letters, digits, ".", "-" and "_": safe over there
set -eu
: "${HOSTSHIFT_NEW:?}"
hypervisor=${HYPERVISOR:-root@hypervisor.example.com}
image=${IMAGE:-/var/lib/libvirt/images/debian-13-generic-amd64.qcow2}
keys=${KEYS:-./hostkeys} # secret: not for version control
deadline=${DEADLINE:-300}
new=$HOSTSHIFT_NEW

# The host key is made here and given to the machine, so that it is known before anyone connects.
umask 077
mkdir -p "$keys"
if [ ! -f "$keys/$new.pub" ]; then
    rm -f "$keys/$new"
    ssh-keygen -q -t ed25519 -N '' -C "$new" -f "$keys/$new"
fi
public=$(cut -d ' ' -f 1,2 "$keys/$new.pub")

if state=$(ssh -n "$hypervisor" "virsh domstate $new" 2>/dev/null); then
    echo "$new is there: $state"
    case $state in running*) ;; *) ssh -n "$hypervisor" "virsh start $new" ;; esac
else
    echo "making $new on $hypervisor"
    {
        printf '#cloud-config\nhostname: %s\nssh_deletekeys: true\nssh_keys:\n' "$new"
        printf '  ed25519_public: %s\n  ed25519_private: |\n' "$public"
        sed 's/^/    /' "$keys/$new"
    } | ssh "$hypervisor" "set -eu; umask 077; cat >/root/$new.user-data
        virt-install --name $new --memory 2048 --vcpus 2 --import --noautoconsole \
            --osinfo detect=on,require=off --network network=default \
            --disk size=20,backing_store=$image --cloud-init user-data=/root/$new.user-data
        rm /root/$new.user-data"
fi

until address=$(ssh -n "$hypervisor" "virsh domifaddr $new" |
    sed -n 's,.*ipv4 *\([0-9.]*\)/.*,\1,p' | grep -m 1 .); do
    if [ "$deadline" -le 0 ]; then
        echo "$new has no address yet; run me again, or look at its console" >&2
        exit 1
    fi
    sleep 2
    deadline=$((deadline - 2))
done

# The last line is what hostshift reads.
printf '{"address": "%s", "host_keys": ["%s"]}\n' "$address" "$public"
