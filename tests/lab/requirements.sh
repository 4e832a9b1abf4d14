#!/bin/bash
# requirements.sh [--install]   can this machine run the lab?  Exit 0: yes; else why not.
# --install gets missing Debian packages with apt-get (needs root).
set -euo pipefail
: "${LAB_STATE_ROOT:=/var/tmp/hostshift-lab}"
# program: package that brings it
needed="systemd-nspawn:systemd-container mmdebstrap:mmdebstrap ip:iproute2 nft:nftables
  apt-ftparchive:apt-utils dpkg-deb:dpkg rsync:rsync ssh:openssh-client sshd:openssh-server
  busybox:busybox unshare:util-linux flock:util-linux setpriv:util-linux nsenter:util-linux
  mount:mount mkfs.ext4:e2fsprogs awk:mawk find:findutils gzip:gzip initdb:postgresql
  named:bind9 unbound:unbound"

PATH=$PATH:/usr/sbin:/sbin
found() {
  # Debian keeps the programs of a PostgreSQL server out of PATH
  command -v "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

missing() {
  local pair
  for pair in $needed; do
    found "${pair%%:*}" || echo "${pair##*:}"
  done | sort -u
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || echo debian-archive-keyring
}

# The tests start servers of their own; none that a package brings shall run here because of them,
# and PostgreSQL's makes no cluster (createcluster.conf(5): include_dir).
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.d
temporary=()
tidy() {
  local path
  for path in "${temporary[@]}"; do
    if [ -d "$path" ]; then rmdir "$path" 2>/dev/null || true; else rm -f "$path"; fi
  done
}

# put FILE TEXT   for as long as this script runs, where there is no such file
put() {
  local directory=${1%/*}
  [ ! -e "$1" ] || return 0
  temporary+=("$1")
  while [ ! -d "$directory" ]; do temporary+=("$directory") directory=${directory%/*}; done
  mkdir -p "${1%/*}"
  printf '%s\n' "$2" >"$1"
}

install() {
  local status=0 package units=() brought=()
  for package in "$@"; do
    case $package in
      openssh-server) units+=(ssh.service ssh.socket) ;;
      bind9) units+=(named.service) ;;
      unbound) units+=(unbound.service) ;;
      *) continue ;;
    esac
    brought+=("$package")
  done
  trap tidy EXIT
  if [ ! -e "$policy" ]; then
    put "$policy" "#!/bin/sh
# put here for a moment by $0
exit 101"
    chmod 755 "$policy"
  fi
  case " $* " in *" postgresql "*)
    put "$clusters/hostshift-lab.conf" 'create_main_cluster = false'
    ;;
  esac
  local words=(apt-get install -y --no-install-recommends "$@")
  "${words[@]}" || { apt-get update && "${words[@]}"; } || status=$?
  if [ ${#units[@]} != 0 ] && [ "$status" = 0 ] && command -v systemctl >/dev/null; then
    systemctl disable "${units[@]}" >/dev/null 2>&1 || true
    echo "installed for the tests, with services neither started nor enabled: ${brought[*]}" >&2
  fi
  return "$status"
}

why=()
[ "$(uname -s)" = Linux ] || why+=("it is not Linux")
[ "$(id -u)" = 0 ] || why+=("it needs root: mounts, namespaces, cgroups")
packages=$(missing | paste -sd' ')
if [ -n "$packages" ] && [ "${1:-}" = --install ] && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  read -ra list <<<"$packages"
  install "${list[@]}" || true
  packages=$(missing | paste -sd' ')
fi
[ -z "$packages" ] || why+=("missing packages: $packages (as root: $0 --install)")

if [ ${#why[@]} = 0 ]; then
  hierarchy=$(awk '/ - cgroup2? / {print $5; exit}' /proc/self/mountinfo)
  if [ -z "$hierarchy" ]; then
    why+=("no cgroup hierarchy is mounted")
  elif ! { mkdir "$hierarchy/hostshift-trial.$$" && rmdir "$hierarchy/hostshift-trial.$$"; } 2>/dev/null; then
    why+=("cgroups are read-only here (a container?)")
  fi
  mkdir -p "$(dirname "$LAB_STATE_ROOT")"
  trial=$(mktemp -d "$LAB_STATE_ROOT.trial.XXXXXXXX")
  mkdir "$trial/lower" "$trial/upper" "$trial/work" "$trial/root"
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --pid --net --ipc --uts --fork --kill-child --mount-proc --propagation private -- \
    sh -c 'cd "$1" && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root &&
      ip link add br0 type bridge' \
    _ "$trial" 2>"$trial/error" ||
    why+=("namespaces, overlayfs or bridges are refused: $(paste -sd' ' "$trial/error")")
  rm -rf --one-file-system "$trial"
fi

[ ${#why[@]} = 0 ] || { printf 'hostshift lab cannot run here: %s\n' "${why[@]}"; exit 1; }
