"""The operating systems of the demo's hosts. Versions are plausible, not those of any one day."""

from __future__ import annotations

from engine.demo.hosts import Archive, Package, System

_COMMON = (
    "date", "hostname", "id", "setsid", "stat", "sudo", "sync", "systemctl",
    "systemd-detect-virt", "uname",
)  # fmt: skip
_APT = (
    "apt", "apt-cache", "apt-config", "apt-get", "apt-mark", "dpkg", "dpkg-deb", "dpkg-query",
)  # fmt: skip


def _debian(version: str, codename: str, suite: str) -> tuple[Archive, Archive]:
    main = Archive("http://deb.example.org/debian", "Debian", suite, version, codename)
    security = Archive(
        "http://security.example.org/debian-security",
        "Debian-Security",
        f"{suite}-security",
        version.split(".", maxsplit=1)[0],
        f"{codename}-security",
    )
    return main, security


def _ubuntu(version: str, codename: str) -> tuple[Archive, Archive]:
    base = "http://archive.example.org/ubuntu"
    return (
        Archive(base, "Ubuntu", f"{codename}-updates", version, codename),
        Archive(
            "http://security.example.org/ubuntu",
            "Ubuntu",
            f"{codename}-security",
            version,
            codename,
        ),
    )


def _base(*pairs: str) -> tuple[Package, ...]:
    """Packages that are up to date, from ``name=version``."""
    return tuple(
        Package(name, version, arch="all" if name in _FOR_ALL else "amd64")
        for name, _, version in (pair.partition("=") for pair in pairs)
    )


_FOR_ALL = frozenset({"adduser", "ca-certificates", "debconf", "needrestart", "tzdata"})
TRIXIE, TRIXIE_SECURITY = _debian("13.4", "trixie", "stable")
BOOKWORM, BOOKWORM_SECURITY = _debian("12.13", "bookworm", "oldstable")
BUSTER, _ = _debian("10.13", "buster", "oldoldoldstable")
BUSTER_SECURITY = Archive(
    "http://security.example.org/debian-security", "Debian-Security", "oldoldoldstable", "10",
    "buster",
)  # fmt: skip
NOBLE, NOBLE_SECURITY = _ubuntu("24.04", "noble")
JAMMY, JAMMY_SECURITY = _ubuntu("22.04", "jammy")
PGDG = Archive(
    "https://pgdg.example.org/pub/repos/apt",
    "PostgreSQL for Debian/Ubuntu repository",
    "trixie-pgdg",
    "",
    "trixie-pgdg",
)
GITLAB = Archive(
    "https://packages.example.net/gitlab/gitlab-ce/debian", "gitlab-ce", "bookworm", "", "bookworm"
)

DEBIAN_13 = System(
    os_release=(
        'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\n'
        'VERSION="13 (trixie)"\nVERSION_CODENAME=trixie\nDEBIAN_VERSION_FULL=13.4\nID=debian\n'
        'HOME_URL="https://www.debian.org/"\n'
    ),
    kernel_build="#1 SMP PREEMPT_DYNAMIC Debian {version} (2026-02-17)",
    archives=(TRIXIE, TRIXIE_SECURITY),
    programs=(*_COMMON, *_APT, "needrestart"),
    base=_base(
        "adduser=3.152", "apt=3.0.3", "base-files=13.8+deb13u4", "bash=5.2.37-2+b7",
        "ca-certificates=20250419", "coreutils=9.7-3", "dash=0.5.12-12", "debconf=1.5.91",
        "dpkg=1.22.22", "grep=3.11-4", "init=1.69~deb13u1", "iproute2=6.15.0-1",
        "libc6=2.41-12+deb13u2", "mount=2.41-5", "needrestart=3.11-1", "openssh-client=1:10.0p1-7",
        "perl-base=5.40.1-6", "procps=2:4.0.4-9", "sed=4.9-2", "sudo=1.9.16p2-3",
        "tar=1.35+dfsg-3.1", "tzdata=2026a-0+deb13u1", "unattended-upgrades=2.12",
        "util-linux=2.41-5",
    ),
)  # fmt: skip
DEBIAN_12 = System(
    os_release=(
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n'
        'VERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'
        'HOME_URL="https://www.debian.org/"\n'
    ),
    kernel_build="#1 SMP PREEMPT_DYNAMIC Debian {version} (2026-02-08)",
    archives=(BOOKWORM, BOOKWORM_SECURITY),
    programs=(*_COMMON, *_APT, "needrestart"),
    base=_base(
        "adduser=3.134", "apt=2.6.1", "base-files=12.4+deb12u13", "bash=5.2.15-2+b10",
        "ca-certificates=20230311+deb12u1", "coreutils=9.1-1", "dash=0.5.12-2", "debconf=1.5.82",
        "dpkg=1.21.22", "grep=3.8-5", "init=1.65.2+deb12u1", "iproute2=6.1.0-3",
        "libc6=2.36-9+deb12u13", "mount=2.38.1-5+deb12u3", "needrestart=3.6-4+deb12u3",
        "openssh-client=1:9.2p1-2+deb12u7", "perl-base=5.36.0-7+deb12u3", "procps=2:4.0.2-3",
        "sed=4.9-1", "sudo=1.9.13p3-1+deb12u3", "tar=1.34+dfsg-1.2+deb12u1",
        "tzdata=2026a-0+deb12u1", "util-linux=2.38.1-5+deb12u3",
    ),
)  # fmt: skip
DEBIAN_10 = System(
    os_release=(
        'PRETTY_NAME="Debian GNU/Linux 10 (buster)"\nNAME="Debian GNU/Linux"\nVERSION_ID="10"\n'
        'VERSION="10 (buster)"\nVERSION_CODENAME=buster\nID=debian\n'
        'HOME_URL="https://www.debian.org/"\n'
    ),
    kernel_build="#1 SMP Debian {version} (2024-06-25)",
    archives=(BUSTER, BUSTER_SECURITY),
    programs=(*_COMMON, *_APT),
    base=_base(
        "adduser=3.118", "apt=1.8.2.3", "base-files=10.3+deb10u13", "bash=5.0-4",
        "coreutils=8.30-3", "dash=0.5.10.2-5", "debconf=1.5.71+deb10u1", "dpkg=1.19.8",
        "grep=3.3-1", "init=1.56+nmu1", "libc6=2.28-10+deb10u4", "perl-base=5.28.1-6+deb10u1",
        "procps=2:3.3.15-2", "sed=4.7-1", "tar=1.30+dfsg-6+deb10u1", "util-linux=2.33.1-0.1",
    ),
)  # fmt: skip
UBUNTU_24 = System(
    os_release=(
        'PRETTY_NAME="Ubuntu 24.04.4 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\n'
        'VERSION="24.04.4 LTS (Noble Numbat)"\nVERSION_CODENAME=noble\nID=ubuntu\n'
        "ID_LIKE=debian\nUBUNTU_CODENAME=noble\n"
    ),
    kernel_build="#106-Ubuntu SMP PREEMPT_DYNAMIC Fri Mar  6 10:33:54 UTC 2026",
    archives=(NOBLE, NOBLE_SECURITY),
    programs=(*_COMMON, *_APT, "needrestart"),
    base=_base(
        "adduser=3.137ubuntu1", "apt=2.8.3", "base-files=13ubuntu10.4", "bash=5.2.21-2ubuntu4",
        "ca-certificates=20240203", "coreutils=9.4-3ubuntu6.1", "dash=0.5.12-6ubuntu5",
        "debconf=1.5.86ubuntu1", "dpkg=1.22.6ubuntu6.5", "grep=3.11-4build1", "init=1.66ubuntu1",
        "iproute2=6.1.0-1ubuntu6.2", "libc6=2.39-0ubuntu8.7", "needrestart=3.6-7ubuntu4.5",
        "openssh-client=1:9.6p1-3ubuntu13.14", "perl-base=5.38.2-3.2ubuntu0.2",
        "procps=2:4.0.4-4ubuntu3.2", "sudo=1.9.15p5-3ubuntu5.24.04.1",
        "tzdata=2026a-0ubuntu0.24.04", "unattended-upgrades=2.9.1+nmu4ubuntu1",
        "update-notifier-common=3.192.68.2", "util-linux=2.39.3-9ubuntu6.4",
    ),
)  # fmt: skip
UBUNTU_22 = System(
    os_release=(
        'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nNAME="Ubuntu"\nVERSION_ID="22.04"\n'
        'VERSION="22.04.5 LTS (Jammy Jellyfish)"\nVERSION_CODENAME=jammy\nID=ubuntu\n'
        "ID_LIKE=debian\nUBUNTU_CODENAME=jammy\n"
    ),
    kernel_build="#181-Ubuntu SMP Fri Mar 6 16:44:44 UTC 2026",
    archives=(JAMMY, JAMMY_SECURITY),
    programs=(*_COMMON, *_APT, "needrestart"),
    base=_base(
        "adduser=3.118ubuntu5", "apt=2.4.14", "base-files=12ubuntu4.7", "bash=5.1-6ubuntu1.1",
        "containerd=1.7.28-0ubuntu1~22.04.1", "coreutils=8.32-4.1ubuntu1.2", "dpkg=1.21.1ubuntu2.6",
        "kubelet=1.33.4-1.1", "libc6=2.35-0ubuntu3.12", "perl-base=5.34.0-3ubuntu1.5",
        "sudo=1.9.9-1ubuntu2.5", "update-notifier-common=3.192.54.9",
        "util-linux=2.37.2-4ubuntu3.4",
    ),
)  # fmt: skip
FEDORA_COREOS = System(
    os_release=(
        'NAME="Fedora Linux"\nVERSION="43.20260309.3.1 (CoreOS)"\nID=fedora\nVERSION_ID=43\n'
        'VERSION_CODENAME=""\nPRETTY_NAME="Fedora CoreOS 43.20260309.3.1"\nVARIANT="CoreOS"\n'
        "VARIANT_ID=coreos\nOSTREE_VERSION='43.20260309.3.1'\nSUPPORT_END=2026-12-02\n"
    ),
    kernel_build="#1 SMP PREEMPT_DYNAMIC Mon Mar  2 18:12:09 UTC 2026",
    programs=(*_COMMON, "ostree", "rpm-ostree"),
)
