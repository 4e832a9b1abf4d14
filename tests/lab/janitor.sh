#!/bin/bash
# Removes what dead labs left: processes (if the kernel has not), cgroups, state, the raised limit.
#   janitor.sh                  sweep now
#   janitor.sh --after STATE    wait for the end of standard input, then remove that lab and sweep
# Sourced by enter.sh for its functions. A lab is dead when the lock on its `alive` file is free.
set -euo pipefail
inotify_limit=/proc/sys/fs/inotify/max_user_instances
inotify_wanted=8192 # a systemd takes three; the usual 128 ends at about forty hosts

# One starts or sweeps at a time (fd 7). The root is removed when empty, hence the second look.
lock_state_root() {
  local attempt
  for attempt in {1..50}; do
    mkdir -p "$LAB_STATE_ROOT"
    exec 7<"$LAB_STATE_ROOT" || continue
    flock -w 120 7 || break
    if [ "$LAB_STATE_ROOT" -ef /proc/self/fd/7 ]; then return 0; fi
  done
  echo "hostshift lab: cannot lock $LAB_STATE_ROOT (attempt $attempt)" >&2
  return 1
}

# The lab's directory in each cgroup hierarchy: one on a pure v2 machine, one a controller on v1.
# A lab inside a lab lives below the outer one's and goes with it.
cgroups_of() {
  if [ -n "${LAB_OUTER_CGROUPS:-}" ]; then
    tr : '\n' <<<"$LAB_OUTER_CGROUPS"
  else
    awk '/ - cgroup2? / {print $5}' /proc/self/mountinfo
  fi | sed "s#\$#/hostshift-${1##*/}#"
}

processes_in() { find "$1" -name cgroup.procs -exec cat {} + 2>/dev/null | grep -vx 0 | sort -u || true; }

# A frozen v1 cgroup does not even take SIGKILL.
end_processes() {
  local directory=$1 deadline=$((SECONDS + 15)) pids
  while pids=$(processes_in "$directory") && [ -n "$pids" ] && [ "$SECONDS" -lt "$deadline" ]; do
    find "$directory" -name freezer.state -exec sh -c 'echo THAWED >"$1"' _ {} \; 2>/dev/null || true
    # shellcheck disable=SC2086 # a list of process ids
    kill -KILL $pids 2>/dev/null || true
    sleep 0.05
  done
}

remove_lab() {
  local state=$1 directory
  while read -r directory; do
    [ -d "$directory" ] || continue
    end_processes "$directory"
    find "$directory" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done < <(cgroups_of "$state")
  [ -e "$state/keep" ] || rm -rf --one-file-system "$state"
}

is_dead() { flock -n "$1/alive" true 2>/dev/null; }

raise_inotify_limit() {
  [ "$(cat $inotify_limit)" -lt $inotify_wanted ] || return 0
  [ -e "$LAB_STATE_ROOT/inotify.before" ] || cat $inotify_limit >"$LAB_STATE_ROOT/inotify.before"
  echo $inotify_wanted >$inotify_limit
}

restore_inotify_limit() {
  [ -e "$LAB_STATE_ROOT/inotify.before" ] || return 0
  # someone else may have set it meanwhile: then it is theirs
  if [ "$(cat $inotify_limit)" = $inotify_wanted ]; then
    cat "$LAB_STATE_ROOT/inotify.before" >$inotify_limit
  fi
  rm -f "$LAB_STATE_ROOT/inotify.before"
}

sweep() {
  local state living=0
  for state in "$LAB_STATE_ROOT"/lab.*; do
    [ -d "$state" ] || continue
    if is_dead "$state"; then remove_lab "$state"; else living=1; fi
  done
  [ "$living" = 1 ] || restore_inotify_limit
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  : "${LAB_STATE_ROOT:=/var/tmp/hostshift-lab}"
  if [ "${1:-}" = --after ]; then
    cat >/dev/null
    while read -r directory; do
      [ ! -d "$directory" ] || end_processes "$directory"
    done < <(cgroups_of "$2")
    flock -w 15 "$2/alive" true || echo "hostshift lab: $2 still has a process" >&2
  fi
  lock_state_root
  sweep
  rmdir "$LAB_STATE_ROOT" 2>/dev/null || true
fi
