#!/bin/bash
# layer.sh DIRECTORY BASE SUITE MIRROR PACKAGE...   install packages on a base: what changes goes into
# DIRECTORY/changes, a layer for hosts. Their services are enabled, as on any Debian, and not started.
set -euo pipefail
directory=$1 base=$2 suite=$3 mirror=$4
shift 4
mkdir "$directory/changes" "$directory/work"
# not below the cache: whoever clears a build there must meet no mount
root=$(mktemp -d /run/layer.XXXXXX)
leave() {
  umount --quiet "$root/dev" "$root/proc" "$root" || true
  rmdir "$root"
}
trap leave EXIT
mount -t overlay overlay "$root" \
  -o "lowerdir=$base,upperdir=$directory/changes,workdir=$directory/work,index=off,metacopy=off,redirect_dir=off"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"

echo "deb $mirror $suite main" >"$root/etc/apt/sources.list"
policy=$root/usr/sbin/policy-rc.d
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
run() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
run apt-get -q -o APT::Update::Error-Mode=any update
run apt-get -q -y --no-install-recommends install "$@"
run apt-get clean
rm -rf "$root/var/lib/apt/lists"/* "$root/etc/apt/sources.list" "$policy"
leave
trap - EXIT
rm -rf "$directory/work"
