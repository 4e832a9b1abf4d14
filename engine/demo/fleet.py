"""The demo's fleet: a dozen hosts, each with a story that the doctrine has an answer to."""

from __future__ import annotations

import json

from engine.demo.hosts import Container, DemoHost, Package, Unit
from engine.demo.systems import (
    BOOKWORM_SECURITY,
    BUSTER_SECURITY,
    DEBIAN_10,
    DEBIAN_12,
    DEBIAN_13,
    FEDORA_COREOS,
    GITLAB,
    JAMMY,
    JAMMY_SECURITY,
    NOBLE,
    NOBLE_SECURITY,
    PGDG,
    TRIXIE_SECURITY,
    UBUNTU_22,
    UBUNTU_24,
)

_OPENSSL_13 = (
    Package("openssl", "3.5.4-1~deb13u1", "3.5.5-1~deb13u2", (TRIXIE_SECURITY,), 1_496_000,
            depends="libssl3t64 (>= 3.5.5)", summary="Secure Sockets Layer toolkit"),
    Package("libssl3t64", "3.5.4-1~deb13u1", "3.5.5-1~deb13u2", (TRIXIE_SECURITY,), 2_442_000,
            source="openssl", same=True, restarts=("ssh.service",),
            summary="Secure Sockets Layer toolkit - shared libraries"),
)  # fmt: skip
_APT_TIMERS = (
    Unit("apt-daily.timer", "active", "waiting", "enabled", "Daily apt download activities"),
    Unit("apt-daily-upgrade.timer", "active", "waiting", "enabled", "Daily apt upgrade activities"),
    Unit("unattended-upgrades.service", "active", "running", "enabled",
         "Unattended Upgrades Shutdown"),
)  # fmt: skip
_SSH = Unit("ssh.service", description="OpenBSD Secure Shell server")


def _kernel_13(old: str, new: str) -> tuple[Package, ...]:
    """A kernel update as Debian brings it: a package of a new name and the one that wants it."""
    return (
        Package("linux-image-amd64", f"{old}-1", f"{new}-1", (TRIXIE_SECURITY,), 1_500,
                source="linux-signed-amd64",
                depends=f"linux-image-{new}+deb13-amd64 (= {new}-1)",
                summary="Linux for 64-bit PCs (meta-package)"),
        Package(f"linux-image-{old}+deb13-amd64", f"{old}-1", source="linux-signed-amd64"),
        Package(f"linux-image-{new}+deb13-amd64", None, f"{new}-1", (TRIXIE_SECURITY,),
                71_300_000, 412_000, source="linux-signed-amd64", summary="Linux for 64-bit PCs",
                says=("I: /vmlinuz.old is now a symlink to boot/vmlinuz-" + old + "+deb13-amd64",
                      "/etc/kernel/postinst.d/initramfs-tools:",
                      f"update-initramfs: Generating /boot/initrd.img-{new}+deb13-amd64",
                      "+6 /etc/kernel/postinst.d/zz-update-grub:",
                      "Generating grub configuration file ...",
                      f"+1.5 Found linux image: /boot/vmlinuz-{new}+deb13-amd64",
                      f"Found initrd image: /boot/initrd.img-{new}+deb13-amd64", "done")),
    )  # fmt: skip


GITLAB_HOST = DemoHost(
    "server1",
    "GitLab: a day without it is unacceptable; its successor waits for a restore script",
    DEBIAN_12,
    "6.1.0-41-amd64",
    (
        Package("gitlab-ce", "18.9.2-ce.0", "18.10.1-ce.0", (GITLAB,), 1_312_000_000, 26_000),
        Package("libxml2", "2.9.14+dfsg-1.3~deb12u4", "2.9.14+dfsg-1.3~deb12u5",
                (BOOKWORM_SECURITY,), 687_000, same=True, restarts=("gitlab-runsvdir.service",)),
        Package("git", "1:2.39.5-0+deb12u2", "1:2.39.5-0+deb12u3", (BOOKWORM_SECURITY,), 7_256_000,
                depends="git-man (>= 1:2.39.5)"),
        Package("git-man", "1:2.39.5-0+deb12u2", "1:2.39.5-0+deb12u3", (BOOKWORM_SECURITY,),
                2_054_000, arch="all", source="git"),
        Package("openssh-server", "1:9.2p1-2+deb12u7", "1:9.2p1-2+deb12u8", (BOOKWORM_SECURITY,),
                456_000, source="openssh", units=("ssh.service",),
                conffiles=("/etc/default/ssh",)),
        Package("linux-image-6.1.0-41-amd64", "6.1.158-1"),
    ),
    inventory='groups = ["production"]\noutage = "unacceptable"\noutage_cost_per_hour = 400\n'
    "exposed = true\n",
    services=(
        '[services.gitlab]\nhost = "server1"\nnames = ["gitlab.servers.example.com"]\n'
        'units = ["gitlab-runsvdir.service"]\nvolumes = ["/srv/gitlab"]\nfreeze = "stop"\n'
        'deploy = "./deploy/gitlab.sh"\nbackup_age = "./backup/age.sh gitlab"\n'
        'checks = [\n  {http = "https://gitlab.servers.example.com/-/health", expect = 200},\n'
        '  {unit = "gitlab-runsvdir.service"},\n]\n\n'
        '[zones."servers.example.com"]\ncommand = "./dns/update.sh"\n\n'
        '[replacement]\nprovision = "./iac/provision.sh"\n'
        'decommission = "./iac/decommission.sh"\nsoak = "5d"\n'
    ),
    uptime_d=212.4,
    lists_age_h=7,
    units=(Unit("gitlab-runsvdir.service", description="GitLab Runit supervision process"), _SSH),
    free_mib=(61_200, 410),
    programs=("rsync",),
    files={
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\ngit:x:998:998::/var/opt/gitlab:/bin/sh\n"
        "ops:x:1000:1000:Operations:/home/ops:/bin/bash\n",
        "etc/group": "root:x:0:\ngit:x:998:\nops:x:1000:\n",
        "etc/cron.d/gitlab-backup": "0 2 * * * root gitlab-backup create CRON=1\n",
        "etc/gitlab/gitlab.rb": "external_url 'https://gitlab.servers.example.com'\n"
        "gitlab_rails['trusted_proxies'] = ['192.0.2.1']\n",
        "etc/letsencrypt/renewal/gitlab.servers.example.com.conf": "authenticator = webroot\n",
        "srv/gitlab/git-data/repositories/web.git/HEAD": "ref: refs/heads/main\n",
        "srv/gitlab/postgresql/data/PG_VERSION": "16\n",
        "srv/gitlab/postgresql/data/global/pg_control": "",
        "srv/gitlab/redis/dump.rdb": "REDIS0011",
        "proc/net/fib_trie": "Main:\n     |-- 192.0.2.1\n        /32 host LOCAL\n",
    },
)  # fmt: skip

WEB_HOST = DemoHost(
    "server2",
    "a web server with openssl and a kernel pending: an upgrade, then a reboot",
    DEBIAN_13,
    "6.12.73+deb13-amd64",
    (
        *_OPENSSL_13,
        *_kernel_13("6.12.73", "6.12.74"),
        Package("nginx", "1.26.3-3+deb13u1", "1.26.3-3+deb13u2", (TRIXIE_SECURITY,), 604_000,
                restarts=("nginx.service",), summary="small, powerful, scalable web server",
                units=("nginx.service",),
                conffiles=("/etc/logrotate.d/nginx", "/etc/nginx/nginx.conf")),
        Package("curl", "8.14.1-2+deb13u2", "8.14.1-2+deb13u3", size=270_000),
        Package("libcurl4t64", "8.14.1-2+deb13u2", "8.14.1-2+deb13u3", size=392_000, source="curl",
                same=True),
    ),
    inventory='groups = ["production", "web"]\noutage = "tolerable"\nredundancy = "web"\n'
    "exposed = true\nconsole = true\n",
    uptime_d=33.2,
    lists_age_h=3,
    units=(Unit("nginx.service", description="A high performance web server"), _SSH, *_APT_TIMERS),
    files={"etc/nginx/nginx.conf": "worker_connections 4096;\n"},
)  # fmt: skip

CLEAN_HOST = DemoHost(
    "server3",
    "its twin, already done",
    DEBIAN_13,
    "6.12.74+deb13-amd64",
    (
        Package("openssl", "3.5.5-1~deb13u2"),
        Package("libssl3t64", "3.5.5-1~deb13u2", source="openssl", same=True),
        Package("nginx", "1.26.3-3+deb13u2"),
        Package("linux-image-amd64", "6.12.74-1"),
        Package("linux-image-6.12.74+deb13-amd64", "6.12.74-1"),
    ),
    inventory='groups = ["production", "web"]\noutage = "tolerable"\nredundancy = "web"\n'
    "exposed = true\nconsole = true\n",
    login="sudo",
    uptime_d=1.1,
    lists_age_h=2,
    units=(Unit("nginx.service", description="A high performance web server"), _SSH, *_APT_TIMERS),
)

DOCKER_HOST = DemoHost(
    "server4",
    "a Docker host whose upgrade restarts the runtime and every container",
    DEBIAN_13,
    "6.12.74+deb13-amd64",
    (
        Package("docker.io", "26.1.5+dfsg1-9+b9", "26.1.5+dfsg1-9+deb13u1", (TRIXIE_SECURITY,),
                29_400_000, summary="Linux container runtime",
                says=("+2.5 Restarting docker.service ...",), units=("docker.service",),
                conffiles=("/etc/default/docker",)),
        Package("containerd", "1.7.24~ds1-6+b4", "1.7.24~ds1-6+deb13u1", (TRIXIE_SECURITY,),
                31_700_000, summary="open and reliable container runtime"),
        Package("runc", "1.1.15+ds1-2+b4", "1.1.15+ds1-2+deb13u1", (TRIXIE_SECURITY,), 3_034_000),
        Package("base-files", "13.8+deb13u3", "13.8+deb13u4", size=73_700),
        Package("linux-image-6.12.74+deb13-amd64", "6.12.74-1"),
    ),
    inventory='groups = ["production"]\noutage = "costly"\noutage_cost_per_hour = 60\n',
    services=(
        '[services.wiki]\nhost = "server4"\nnames = ["wiki.servers.example.com"]\n'
        'containers = ["wiki", "wiki-db"]\nvolumes = ["/srv/wiki"]\nfreeze = "stop"\n'
    ),
    uptime_d=18.7,
    lists_age_h=5,
    units=(Unit("docker.service", description="Docker Application Container Engine"), _SSH),
    containers=(
        Container("traefik", "traefik:v3.6", "always"),
        Container("wiki", "ghcr.io/requarks/wiki:2"),
        Container("wiki-db", "postgres:17-alpine"),
        Container("scratchpad", "hedgedoc/hedgedoc:1.10", "no"),
    ),
    processes=("dockerd",),
    programs=("docker",),
)  # fmt: skip

BLOCKED_HOST = DemoHost(
    "server5",
    "dpkg was interrupted in the middle of its last work; nothing goes before it is repaired",
    DEBIAN_12,
    "6.1.0-41-amd64",
    (
        Package("libgnutls30", "3.7.9-2+deb12u5", "3.7.9-2+deb12u6", (BOOKWORM_SECURITY,),
                1_405_000, source="gnutls28", same=True),
        Package("exim4-base", "4.96-15+deb12u7", state="half-configured", source="exim4",
                summary="support files for all Exim MTA (v4) packages"),
        Package("exim4-config", "4.96-15+deb12u7", source="exim4"),
        Package("exim4-daemon-light", "4.96-15+deb12u7", state="unpacked", source="exim4",
                depends="exim4-base (>= 4.96)",
                summary="lightweight Exim MTA (v4) daemon"),
        Package("linux-image-6.1.0-41-amd64", "6.1.158-1"),
    ),
    inventory='groups = ["mail"]\noutage = "costly"\n',
    uptime_d=97.0,
    lists_age_h=9,
    units=(_SSH,),
    failed_units=("exim4.service",),
    interrupted=True,
)  # fmt: skip

HELD_HOST = DemoHost(
    "server6",
    "Ubuntu, with packages that are held, kept back and phased: three different things",
    UBUNTU_24,
    "6.8.0-106-generic",
    (
        Package("mysql-server-8.0", "8.0.44-0ubuntu0.24.04.1", "8.0.45-0ubuntu0.24.04.1",
                (NOBLE, NOBLE_SECURITY), 1_478_000, held=True),
        Package("python3-software-properties", "0.99.49.2", "0.99.49.3", phased=40, arch="all",
                size=29_700),
        Package("software-properties-common", "0.99.49.2", "0.99.49.3", phased=40, arch="all",
                size=14_400),
        Package("snapd", "2.72+ubuntu24.04", "2.73+ubuntu24.04", size=34_100_000, phased=10,
                units=("snapd.service",)),
        Package("ubuntu-pro-client", "36ubuntu0~24.04", "37ubuntu0~24.04", size=253_000,
                breaks="ubuntu-advantage-tools (<< 37)"),
        Package("ubuntu-advantage-tools", "36ubuntu0~24.04", arch="all"),
        Package("libxml2", "2.9.14+dfsg-1.3ubuntu3.6", "2.9.14+dfsg-1.3ubuntu3.7",
                (NOBLE, NOBLE_SECURITY), 763_000, same=True),
        Package("vim-tiny", "2:9.1.0016-1ubuntu7.9", "2:9.1.0016-1ubuntu7.10", size=806_000),
        Package("linux-image-6.8.0-106-generic", "6.8.0-106.106"),
        Package("linux-image-6.8.0-107-generic", "6.8.0-107.107"),
    ),
    inventory='groups = ["staging"]\noutage = "costly"\n',
    kernels=("6.8.0-107-generic",),
    uptime_d=12.9,
    lists_age_h=3.5,
    units=(_SSH, *_APT_TIMERS, Unit("snapd.service", description="Snap Daemon")),
    files={
        "run/reboot-required": "*** System restart required ***\n",
        "run/reboot-required.pkgs": "linux-image-6.8.0-107-generic\nlinux-base\n",
    },
)  # fmt: skip

_POINT_RELEASE = (
    "bind9-dnsutils=1:9.20.18-1~deb13u1", "bind9-host=1:9.20.18-1~deb13u1",
    "bind9-libs=1:9.20.18-1~deb13u1", "gcc-14-base=14.2.0-19", "ghostscript=10.05.1~dfsg-1+deb13u1",
    "imagemagick=8:7.1.1.43+dfsg1-1+deb13u5", "imagemagick-7-common=8:7.1.1.43+dfsg1-1+deb13u5",
    "libexpat1=2.7.1-2", "libfreetype6=2.13.3+dfsg-1", "libgcc-s1=14.2.0-19",
    "libgnutls30t64=3.8.9-3+deb13u1", "libgs-common=10.05.1~dfsg-1+deb13u1",
    "libgs10=10.05.1~dfsg-1+deb13u1", "libmagickcore-7.q16-10=8:7.1.1.43+dfsg1-1+deb13u5",
    "libmagickwand-7.q16-10=8:7.1.1.43+dfsg1-1+deb13u5", "libnss-systemd=257.9-1~deb13u1",
    "libpam-systemd=257.9-1~deb13u1", "libperl5.40=5.40.1-6", "libpng16-16t64=1.6.48-1+deb13u1",
    "libpoppler147=25.03.0-5+deb13u2", "libpython3.13-minimal=3.13.5-2",
    "libpython3.13-stdlib=3.13.5-2", "libstdc++6=14.2.0-19", "libsystemd0=257.9-1~deb13u1",
    "libtiff6=4.7.0-3+deb13u1", "libudev1=257.9-1~deb13u1", "libxml2=2.12.7+dfsg+really2.9.14-2.1",
    "perl=5.40.1-6", "perl-modules-5.40=5.40.1-6", "poppler-utils=25.03.0-5+deb13u2",
    "python3.13=3.13.5-2", "python3.13-minimal=3.13.5-2", "rsync=3.4.1+ds1-5",
    "systemd=257.9-1~deb13u1", "systemd-sysv=257.9-1~deb13u1", "udev=257.9-1~deb13u1",
    "vim=2:9.1.1230-2", "vim-common=2:9.1.1230-2", "vim-runtime=2:9.1.1230-2", "wget=1.25.0-2",
)  # fmt: skip
_SECURITY_FIXES = ("bind9", "ghostscript", "libgs", "imagemagick", "libmagick", "libpng")


def _next(version: str) -> str:
    """The version of the next stable update: Debian counts ``+deb13uN``, or ``~deb13uN``."""
    start, mark, number = version.rpartition("deb13u")
    return f"{start}{mark}{int(number) + 1}" if mark else f"{version}+deb13u1"


def _point_release(pair: str, number: int) -> Package:
    name, _, version = pair.partition("=")
    return Package(
        name,
        version,
        _next(version),
        (TRIXIE_SECURITY,) if name.startswith(_SECURITY_FIXES) else (),
        size=240_000 + 137_731 * (number * 7 % 23),
        same=name.startswith("lib") and name[-1].isdigit(),
        says=("+1.2",) if number % 3 == 0 else (),
    )


LONG_HOST = DemoHost(
    "server7",
    "a point release that takes a minute: time to watch, to quit and to come back",
    DEBIAN_13,
    "6.12.73+deb13-amd64",
    (
        *(_point_release(pair, number) for number, pair in enumerate(_POINT_RELEASE, 1)),
        *_kernel_13("6.12.73", "6.12.74"),
    ),
    inventory='groups = ["internal"]\noutage = "tolerable"\nconsole = true\n',
    uptime_d=51.5,
    lists_age_h=6,
    units=(_SSH, *_APT_TIMERS),
)

FAILING_HOST = DemoHost(
    "server8",
    "its upgrade fails in a maintainer script; the one-day question was never answered",
    DEBIAN_13,
    "6.12.74+deb13-amd64",
    (
        Package("dovecot-core", "1:2.4.1+dfsg1-6+deb13u3", "1:2.4.1+dfsg1-6+deb13u4",
                (TRIXIE_SECURITY,), 3_712_000, source="dovecot",
                summary="secure POP3/IMAP server - core files",
                says=("+1.5 Installing new version of config file /etc/dovecot/dovecot.conf ...",),
                fails="Job for dovecot.service failed because the control process exited with "
                "error code.\nSee \"systemctl status dovecot.service\" and \"journalctl -xeu "
                "dovecot.service\" for details.\ninvoke-rc.d: initscript dovecot, action "
                "\"restart\" failed.\ndoveconf: Fatal: Error in configuration file "
                "/etc/dovecot/conf.d/10-ssl.conf line 12: Unknown setting: ssl_protocols",
                failed_unit="dovecot.service", units=("dovecot.service",),
                conffiles=("/etc/dovecot/conf.d/10-ssl.conf",)),
        Package("dovecot-imapd", "1:2.4.1+dfsg1-6+deb13u3", "1:2.4.1+dfsg1-6+deb13u4",
                (TRIXIE_SECURITY,), 218_000, source="dovecot", depends="dovecot-core",
                summary="secure POP3/IMAP server - IMAP daemon"),
        Package("libcap2", "1:2.75-10+b1", "1:2.75-10+deb13u1", (TRIXIE_SECURITY,), 28_200,
                same=True),
        Package("linux-image-6.12.74+deb13-amd64", "6.12.74-1"),
    ),
    inventory='groups = ["mail"]\n',
    uptime_d=20.3,
    lists_age_h=30,
    units=(Unit("dovecot.service", description="Dovecot IMAP/POP3 email server"), _SSH),
    files={"etc/dovecot/conf.d/10-ssl.conf": "ssl = required\nssl_protocols = !SSLv3\n"},
)  # fmt: skip


def _deployment(version: str, seed: str, serial: int, **more: object) -> dict[str, object]:
    checksum = (seed * 64)[:64]
    return {
        "id": f"fedora-coreos-{checksum}.{serial}",
        "osname": "fedora-coreos",
        "serial": serial,
        "checksum": checksum,
        "version": version,
        "origin": "fedora:fedora/x86_64/coreos/stable",
        "requested-packages": ["tailscale"],
        "packages": ["tailscale"],
        "base-checksum": (seed[::-1] * 64)[:64],
        "base-version": version,
        "pinned": False,
        "unlocked": "none",
        "booted": False,
        "staged": False,
        "base-commit-meta": {"fedora-coreos.stream": "stable"},
        **more,
    }


_COREOS_STATUS = {
    "deployments": [
        _deployment("43.20260323.3.0", "3e7a", 0, staged=True, timestamp=1_774_310_400),
        _deployment("43.20260309.3.1", "91c4", 0, booted=True, timestamp=1_773_100_800),
        _deployment("43.20260223.3.0", "c05f", 0, timestamp=1_771_891_200),
    ],
    "transaction": None,
    "cached-update": None,
    "update-driver": {"driver-name": "Zincati", "driver-sd-unit": "zincati.service"},
}
COREOS_HOST = DemoHost(
    "server9",
    "Fedora CoreOS: an update lies staged beside the booted deployment, the last one behind it",
    FEDORA_COREOS,
    "6.18.13-200.fc43.x86_64",
    inventory='groups = ["edge"]\noutage = "costly"\n',
    uptime_d=9.4,
    units=(
        Unit("zincati.service", description="Zincati Update Agent"),
        Unit("sshd.service", description="OpenSSH server daemon"),
    ),
    rpm_ostree=json.dumps(_COREOS_STATUS, indent=2) + "\n",
    files={"run/ostree-booted": ""},
    free_mib=(24_900, 190),
)

KUBERNETES_HOST = DemoHost(
    "server10",
    "a Kubernetes node: recognised and left alone",
    UBUNTU_22,
    "5.15.0-181-generic",
    (
        Package("libxml2", "2.9.13+dfsg-1ubuntu0.10", "2.9.13+dfsg-1ubuntu0.11",
                (JAMMY, JAMMY_SECURITY), 763_000, same=True),
        Package("vim-tiny", "2:8.2.3995-1ubuntu2.24", "2:8.2.3995-1ubuntu2.26",
                (JAMMY, JAMMY_SECURITY), 710_000),
        Package("linux-image-5.15.0-181-generic", "5.15.0-181.191"),
    ),
    inventory='groups = ["cluster"]\noutage = "tolerable"\n',
    uptime_d=64.0,
    lists_age_h=11,
    units=(Unit("kubelet.service", description="kubelet: The Kubernetes Node Agent"), _SSH),
    processes=("kubelet",),
    files={"var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n"},
)  # fmt: skip

UNREACHABLE_HOST = DemoHost(
    "server11",
    "nobody answers",
    DEBIAN_13,
    "6.12.74+deb13-amd64",
    inventory='groups = ["internal"]\noutage = "costly"\n',
    listening=False,
)

OLD_HOST = DemoHost(
    "server12",
    "a release out of support on a machine that takes its time",
    DEBIAN_10,
    "4.19.0-27-amd64",
    (
        Package("libc-bin", "2.28-10+deb10u3", "2.28-10+deb10u4", (BUSTER_SECURITY,), 648_000,
                source="glibc"),
        Package("bind9-host", "1:9.11.5.P4+dfsg-5.1+deb10u10", "1:9.11.5.P4+dfsg-5.1+deb10u11",
                (BUSTER_SECURITY,), 272_000, source="bind9"),
        Package("linux-image-4.19.0-27-amd64", "4.19.316-1"),
    ),
    inventory='groups = ["legacy"]\noutage = "costly"\nexposed = true\n',
    virtualization="none",
    uptime_d=803.6,
    lists_age_h=24 * 211,
    units=(_SSH,),
    failed_units=("logrotate.service",),
    answer_delay_s=3.0,
    free_mib=(1_900, 38),
)  # fmt: skip

DATABASE_HOST = DemoHost(
    "server13",
    "a database whose packages come from a third party",
    DEBIAN_13,
    "6.12.74+deb13-amd64",
    (
        Package("postgresql-18", "18.2-1.pgdg13+1", "18.3-1.pgdg13+1", (PGDG,), 17_900_000,
                says=("+3 Restarting PostgreSQL cluster 18/main ...",)),
        Package("postgresql-client-18", "18.2-1.pgdg13+1", "18.3-1.pgdg13+1", (PGDG,), 2_087_000,
                source="postgresql-18"),
        Package("libpq5", "18.2-1.pgdg13+1", "18.3-1.pgdg13+1", (PGDG,), 232_000,
                source="postgresql-18", same=True),
        Package("linux-image-6.12.74+deb13-amd64", "6.12.74-1"),
        Package("libexpat1", "2.7.1-2", "2.7.1-2+deb13u1", (TRIXIE_SECURITY,), 108_000, same=True,
                fresh=True),
    ),
    inventory='groups = ["production"]\noutage = "costly"\noutage_cost_per_hour = 120\n',
    login="sudo",
    uptime_d=27.8,
    lists_age_h=52,
    units=(Unit("postgresql@18-main.service", description="PostgreSQL Cluster 18-main"), _SSH),
    restarts=("postgresql@18-main.service",),
)  # fmt: skip

GUEST_HOST = DemoHost(
    "server14",
    "looked at by a user without root's rights",
    DEBIAN_13,
    "6.12.74+deb13-amd64",
    (
        *_OPENSSL_13,
        Package("linux-image-6.12.74+deb13-amd64", "6.12.74-1"),
    ),
    inventory='groups = ["partner"]\noutage = "tolerable"\n',
    login="plain",
    virtualization="lxc",
    uptime_d=44.9,
    lists_age_h=8,
    units=(_SSH,),
)

FLEET: tuple[DemoHost, ...] = (
    GITLAB_HOST,
    WEB_HOST,
    CLEAN_HOST,
    DOCKER_HOST,
    BLOCKED_HOST,
    HELD_HOST,
    LONG_HOST,
    FAILING_HOST,
    COREOS_HOST,
    KUBERNETES_HOST,
    UNREACHABLE_HOST,
    OLD_HOST,
    DATABASE_HOST,
    GUEST_HOST,
)
"""In the order of the inventory."""
