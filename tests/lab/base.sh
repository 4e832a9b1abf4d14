#!/bin/bash
# base.sh DIRECTORY SUITE MIRROR [PACKAGES,...]   build the tree that hosts are layered on.
# Only the plain suite is used: enabling -security and -updates later gives real pending upgrades.
set -euo pipefail
directory=$1 suite=$2 mirror=$3 extra=${4:-}
packages=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,openssh-client,rsync,iproute2,sudo
packages+=,procps,psmisc,iputils-ping,acl,attr,ca-certificates,netbase,less,python3-minimal,zstd
packages+=,nftables,curl
[ -z "$extra" ] || packages+=,$extra

mmdebstrap --variant=minbase --include="$packages" \
  --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
  --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='force-unsafe-io' \
  "$suite" "$directory" "deb $mirror $suite main"

cd "$directory"
write() { mkdir -p "$(dirname "$1")"; cat >"$1"; }

# what must be each host's own, or comes from the lab
rm -f etc/ssh/ssh_host_* var/lib/dbus/machine-id etc/apt/sources.list etc/apt/sources.list.d/*
: >etc/machine-id
: >etc/resolv.conf # the lab has no name server: a lookup fails at once

write etc/ssh/sshd_config.d/lab.conf <<'X'
UseDNS no
PermitRootLogin prohibit-password
PasswordAuthentication no
MaxStartups 200:30:400
MaxSessions 100
X
write etc/apt/apt.conf.d/99lab <<'X'
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
X
write etc/dpkg/dpkg.cfg.d/lab <<'X'
force-unsafe-io
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/doc/*
X
write etc/systemd/journald.conf.d/lab.conf <<'X'
[Journal]
Storage=persistent
SystemMaxUse=32M
X
write etc/systemd/system.conf.d/lab.conf <<'X'
[Manager]
DefaultTimeoutStopSec=10s
X
# a host is quiet at once when its last session ends, not ten seconds later
write etc/systemd/logind.conf.d/lab.conf <<'X'
[Login]
UserStopDelaySec=0
X
write etc/systemd/system/user@.service.d/lab.conf <<'X'
[Service]
TimeoutStopSec=5s
X

# no hardware, no clock and no address to set: a boot of 0.4 s instead of several
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  fstrim.timer motd-news.timer getty.target console-getty.service getty@tty1.service \
  systemd-networkd-wait-online.service systemd-networkd.service systemd-networkd.socket \
  systemd-resolved.service systemd-udevd.service systemd-timesyncd.service \
  systemd-firstboot.service systemd-pcrphase.service; do
  ln -sf /dev/null "etc/systemd/system/$unit"
done

# admin: sudo without a password; asker: sudo with one; outsider: no sudo at all
chroot . usermod --password '*' root
for user in admin asker outsider; do
  chroot . useradd --create-home --shell /bin/bash "$user"
done
printf '%s:lab-password-%s\n' asker asker outsider outsider | chroot . chpasswd
echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' >etc/sudoers.d/admin
echo 'asker ALL=(ALL:ALL) ALL' >etc/sudoers.d/asker
chmod 440 etc/sudoers.d/*
