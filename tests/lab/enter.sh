#!/bin/bash
# enter.sh CMD...   run CMD inside a lab: its own mount, pid, net, ipc and uts namespaces, on a bridge
# that reaches nothing but lab hosts. However CMD ends, and also when this script is killed with
# SIGKILL, the kernel takes every process, mount and interface of the lab, and the janitor the rest.
#
# Settings (environment):
#   LAB_STATE_ROOT  where labs keep what must not outlive them      /var/tmp/hostshift-lab
#   LAB_CACHE       bases, package repository, downloaded packages  ~/.cache/hostshift-lab
#   LAB_SUITE       Debian suite of the hosts                       bookworm
#   LAB_NETWORK     first three bytes of the lab's /24              10.77.0
#   LAB_PROXY_PORT  where hosts find their apt mirror               3142
#   LAB_KEEP        non-empty: leave the lab's state for a look
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
here=$(dirname "$(readlink -f "$0")")
export LAB_STATE_ROOT=${LAB_STATE_ROOT:-/var/tmp/hostshift-lab}
export LAB_CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hostshift-lab}
export LAB_SUITE=${LAB_SUITE:-bookworm}
export LAB_NETWORK=${LAB_NETWORK:-10.77.0}
export LAB_PROXY_PORT=${LAB_PROXY_PORT:-3142}

[ -z "${LAB_CGROUPS:-}" ] || export LAB_OUTER_CGROUPS=$LAB_CGROUPS

"$here/requirements.sh" >&2 || exit 69
# shellcheck source-path=SCRIPTDIR source=janitor.sh
. "$here/janitor.sh"

lock_state_root
sweep
mkdir -p "$LAB_STATE_ROOT" "$LAB_CACHE"
LAB_STATE=$(mktemp -d "$LAB_STATE_ROOT/lab.XXXXXXXX")
chmod 755 "$LAB_STATE"
exec 6>"$LAB_STATE/alive"
flock -n 6 # held by this script and by the lab's first process: who can take it knows the lab is dead
[ -z "${LAB_KEEP:-}" ] || : >"$LAB_STATE/keep"
raise_inotify_limit
LAB_CGROUPS=$(cgroups_of "$LAB_STATE" | paste -sd:)
export LAB_STATE LAB_CGROUPS
exec 7<&-

# Outlives this script in a session of its own, so that a SIGKILL here still ends with a clean machine.
exec 8> >(exec 6>&-; exec setsid "$here/janitor.sh" --after "$LAB_STATE")
janitor=$!
leave() {
  status=$?
  trap - EXIT
  exec 6>&- 8>&-
  wait "$janitor" || true
  exit "$status"
}
trap leave EXIT

while read -r directory; do
  mkdir -p "$directory"
  # without this no process may join a child of a v1 cpuset
  if [ -e "$directory/cgroup.clone_children" ]; then echo 1 >"$directory/cgroup.clone_children"; fi
  for file in cpuset.cpus cpuset.mems; do
    if [ -e "$directory/cgroup.clone_children" ] && [ -e "$directory/$file" ]; then
      cat "$directory/../$file" >"$directory/$file"
    fi
  done
done < <(cgroups_of "$LAB_STATE")

exec 9</proc/self/ns/net
setpriv --pdeathsig KILL -- \
  unshare --mount --pid --net --ipc --uts --fork --kill-child --mount-proc --propagation private -- \
  "$here/first.sh" "$@" 8>&-
