#!/bin/bash
# The first process of a lab (PID 1 of its pid namespace): joins the lab's cgroups, makes /run and the
# network, runs the command. fd 9 is the network namespace outside.
set -euo pipefail
IFS=: read -ra cgroups <<<"$LAB_CGROUPS"
for directory in "${cgroups[@]}"; do echo 0 >"$directory/cgroup.procs"; done

# A /run of our own: namespaces and nspawn's lock files never reach the machine's.
resolver=$(readlink -f /etc/resolv.conf || true)
names=$(cat "$resolver" 2>/dev/null || true)
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock /run/sshd
case $resolver in /run/*) mkdir -p "${resolver%/*}"; printf '%s\n' "$names" >"$resolver" ;; esac

# The apt proxy alone goes out, through this handle.
export LAB_OUTER_NETWORK=/run/outer-network
: >"$LAB_OUTER_NETWORK"
mount --no-canonicalize --bind /proc/self/fd/9 "$LAB_OUTER_NETWORK"
exec 9<&-

ip link set lo up
# With an address of its own: else the bridge takes the lowest of its ports', and hosts that know the
# old one are cut off from the apt proxy, for a minute and more, whenever a host comes or goes.
ip link add br0 address 02:00:00:00:00:01 type bridge
ip addr add "$LAB_NETWORK.1/24" dev br0
ip link set br0 up

status=0
"$@" 6>&- || status=$?
exit "$status"
