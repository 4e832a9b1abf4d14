#!/bin/bash
# packages.sh DIRECTORY   build an apt repository with the suites v1 and v2: harmless packages, one
# for each way in which a real upgrade behaves. What v2 does:
#
#   lab-lib      nothing but newer          lab-slow     a postinst of 60 s (/etc/lab/slow: seconds;
#   lab-docker   restarts its daemon                     it ends when /etc/lab/enough is there)
#                                           lab-reboot   asks for a reboot
#   lab-conf     changes two conffiles, not lab-ask      asks a debconf question
#                same.ini; drops old.ini
#   lab-fail     its postinst fails until   lab-netdrop  cuts the host's network for 8 s
#                /etc/lab/allow exists      lab-big      needs 200 MB
#   lab-kept     needs a new package        lab-badhash  cannot be downloaded: wrong hash
#   lab-eater    removes lab-victim         lab-unmet    depends on what does not exist
#   lab-pair-one, lab-pair-two  are of one source package, and in the suite v2-security too;
#                their changelog is in their archives, that of lab-lib below changelogs/
#   linux-image-lab  pulls in a new kernel package and asks for a reboot
#   dropbear-lab, iptables-lab   are guarded by their names; where /etc/lab/break exists they spoil
#                sshd's configuration and let no packet in
set -euo pipefail
umask 022
repository=$1
mkdir -p "$repository/pool"
work=$(mktemp -d "$repository/.work.XXXXXX")

# put PACKAGE/PATH <content
put() { mkdir -p "$(dirname "$work/$1")"; cat >"$work/$1"; }

# pack PACKAGE VERSION [CONTROL LINES]
pack() {
  local name=$1 version=$2 fields=${3:-} tree=$work/$1 script
  mkdir -p "$tree/DEBIAN"
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: all\n' "$name" "$version"
    printf 'Maintainer: Lab <lab@lab.test>\nSection: admin\nPriority: optional\n'
    printf 'Installed-Size: %s\n' "$(du -sk --apparent-size "$tree" | cut -f1)"
    [ -z "$fields" ] || printf '%b\n' "$fields"
    printf 'Description: lab package %s\n' "$name"
  } >"$tree/DEBIAN/control"
  for script in config preinst postinst prerm postrm; do
    [ ! -e "$tree/DEBIAN/$script" ] || chmod 755 "$tree/DEBIAN/$script"
  done
  dpkg-deb -Zgzip --root-owner-group --build "$tree" "$repository/pool/${name}_$version.deb" >/dev/null
  rm -rf "$tree"
}

# changelog SOURCE VERSION LINE   what changed, since a first version
changelog() {
  printf '%s (%s) lab; urgency=high\n\n  * %s\n\n -- Lab <lab@lab.test>  Mon, 02 Nov 2026 10:00:00 +0000\n\n' "$@"
  printf '%s (1.0-1) lab; urgency=low\n\n  * First.\n\n -- Lab <lab@lab.test>  Thu, 01 Jan 2026 10:00:00 +0000\n' "$1"
}

# the same package in both versions, with v2's extra control lines
both_plain() {
  local name=$1 fields=$2 version
  for version in 1 2; do
    echo "$version" | put "$name/usr/lib/lab/$name"
    if [ "$version" = 1 ]; then pack "$name" 1.0-1; else pack "$name" 2.0-1 "$fields"; fi
  done
}

both_plain lab-lib ""
mkdir -p "$repository/changelogs/main/l/lab-lib"
changelog lab-lib 2.0-1 "Newer, and CVE-2026-12345." \
  >"$repository/changelogs/main/l/lab-lib/lab-lib_2.0-1_changelog"
both_plain lab-kept "Depends: lab-newdep"
both_plain lab-eater "Conflicts: lab-victim\nReplaces: lab-victim"
both_plain lab-badhash ""
for version in 1 2; do
  for name in lab-pair-one lab-pair-two; do
    echo "$version" | put $name/usr/lib/lab/$name
    changelog lab-pair $version.0-1 "Fix what CVE-2021-44228 is about. Closes: #12, #34" |
      gzip -9n | put $name/usr/share/doc/$name/changelog.Debian.gz
    pack $name $version.0-1 "Source: lab-pair"
  done
done
both_plain lab-unmet "Depends: lab-does-not-exist"
for name in lab-victim lab-newdep; do
  echo 1 | put $name/usr/lib/lab/$name
  pack $name 1.0-1
done

for version in 1 2; do
  put lab-docker/usr/sbin/lab-dockerd <<X
#!/bin/sh
echo "lab-dockerd $version started pid \$\$" >>/var/log/lab-dockerd.log
trap 'echo "lab-dockerd $version stopped" >>/var/log/lab-dockerd.log; exit 0' TERM
while :; do sleep 1 & wait \$!; done
X
  chmod 755 "$work/lab-docker/usr/sbin/lab-dockerd"
  put lab-docker/lib/systemd/system/lab-docker.service <<X
[Unit]
Description=lab docker $version
[Service]
ExecStart=/usr/sbin/lab-dockerd
Restart=on-failure
[Install]
WantedBy=multi-user.target
X
  put lab-docker/DEBIAN/postinst <<'X'
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable -q lab-docker.service
  systemctl restart lab-docker.service
fi
X
  put lab-docker/DEBIAN/prerm <<'X'
#!/bin/sh
if [ "$1" = remove ]; then systemctl disable -q --now lab-docker.service || true; fi
X
  pack lab-docker $version.0-1

  echo "setting=$version" | put lab-conf/etc/lab/conf.ini
  echo "setting=$version" | put "lab-conf/etc/lab/with a blank.ini"
  echo "setting=1" | put lab-conf/etc/lab/same.ini
  if [ $version = 1 ]; then echo "setting=1" | put lab-conf/etc/lab/old.ini; fi
  (cd "$work/lab-conf" && find etc -type f -printf '/%p\n') | put lab-conf/DEBIAN/conffiles
  pack lab-conf $version.0-1

  put lab-fail/DEBIAN/postinst <<X
#!/bin/sh
[ $version = 1 ] || [ -e /etc/lab/allow ] || { echo "lab-fail: cannot migrate data" >&2; exit 3; }
X
  pack lab-fail $version.0-1

  put lab-slow/DEBIAN/postinst <<X
#!/bin/sh
last=\$(cat /etc/lab/slow 2>/dev/null || echo 60)
[ $version = 2 ] || last=0
step=0
while [ \$step -lt \$last ] && [ ! -e /etc/lab/enough ]; do
  step=\$((step + 1))
  echo "lab-slow: step \$step of \$last"
  sleep 1
done
X
  pack lab-slow $version.0-1

  put lab-reboot/DEBIAN/postinst <<X
#!/bin/sh
[ $version = 2 ] || exit 0
echo "*** System restart required ***" >/run/reboot-required
echo lab-reboot >>/run/reboot-required.pkgs
X
  pack lab-reboot $version.0-1

  put lab-ask/DEBIAN/templates <<X
Template: lab-ask/q$version
Type: boolean
Default: true
Description: Restart services during upgrade?
X
  put lab-ask/DEBIAN/config <<X
#!/bin/sh
set -e
. /usr/share/debconf/confmodule
db_input critical lab-ask/q$version || true
db_go || true
X
  put lab-ask/DEBIAN/postinst <<'X'
#!/bin/sh
set -e
. /usr/share/debconf/confmodule
db_stop
X
  pack lab-ask $version.0-1 "Depends: debconf"

  put lab-netdrop/DEBIAN/postinst <<X
#!/bin/sh
[ $version = 2 ] || exit 0
route=\$(ip route show default)
echo "lab-netdrop: link down"
ip link set host0 down
sleep 8
ip link set host0 up
[ -z "\$route" ] || ip route replace \$route || true
echo "lab-netdrop: link up"
X
  pack lab-netdrop $version.0-1

  put dropbear-lab/DEBIAN/postinst <<X
#!/bin/sh
[ $version = 2 ] && [ -e /etc/lab/break ] || exit 0
echo "PermitRootLogin perhaps" >/etc/ssh/sshd_config.d/dropbear-lab.conf
systemctl restart ssh.service || true
X
  pack dropbear-lab $version.0-1

  put iptables-lab/DEBIAN/postinst <<X
#!/bin/sh
[ $version = 2 ] && [ -e /etc/lab/break ] || exit 0
nft add table inet lab
nft add chain inet lab in '{ type filter hook input priority 0; policy drop; }'
X
  pack iptables-lab $version.0-1

  mkdir -p "$work/lab-big/usr/lib/lab"
  if [ $version = 1 ]; then size=1M; else size=200M; fi
  head -c $size /dev/zero >"$work/lab-big/usr/lib/lab/big"
  pack lab-big $version.0-1

  kernel=6.1.0-9$version-lab
  echo "not a kernel" | put linux-image-$kernel/boot/vmlinuz-$kernel
  echo none | put linux-image-$kernel/lib/modules/$kernel/modules.dep
  put linux-image-$kernel/DEBIAN/postinst <<X
#!/bin/sh
set -e
ln -sf boot/vmlinuz-$kernel /vmlinuz
[ ! -d /etc/kernel/postinst.d ] || run-parts --arg=$kernel /etc/kernel/postinst.d
: >/run/reboot-required
X
  pack linux-image-$kernel 6.1.9$version-1
  pack linux-image-lab 6.1.9$version "Depends: linux-image-$kernel (= 6.1.9$version-1)"
done
rm -rf "$work"

cd "$repository"
for suite in v1 v2 v2-security; do
  index=dists/$suite/main/binary-amd64
  mkdir -p $index chosen
  for package in pool/*.deb; do
    case $suite:$package in
      v2-security:*/lab-pair-*) ;;
      v2-security:*) continue ;;
      v1:*_2.* | v1:*-92-lab_* | v1:*/linux-image-lab_6.1.92* | v1:*/lab-newdep_*) continue ;;
    esac
    ln "$package" chosen/
  done
  apt-ftparchive packages chosen | sed 's#^Filename: chosen/#Filename: pool/#' >$index/Packages
  rm -r chosen
done
# lab-badhash: the index promises other content than the pool has
awk '
  /^Package: / {bad = ($2 == "lab-badhash")}
  /^Version: / {newer = ($2 == "2.0-1")}
  bad && newer && /^(MD5sum|SHA1|SHA256|SHA512): / {
    $2 = (substr($2, 1, 1) == "0" ? "1" : "0") substr($2, 2)
  }
  {print}' dists/v2/main/binary-amd64/Packages >Packages.new
mv Packages.new dists/v2/main/binary-amd64/Packages
for suite in v1 v2 v2-security; do
  gzip -9nk dists/$suite/main/binary-amd64/Packages
  {
    printf 'Origin: Lab\nLabel: Lab\nSuite: %s\nCodename: %s\n' $suite $suite
    printf 'Architectures: amd64\nComponents: main\n'
    apt-ftparchive release dists/$suite
  } >Release.new
  mv Release.new dists/$suite/Release
done
