"""The states of a host that tests ask for, brought about as they come about in life."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from tests.lab.machine import Machine
from tests.lab.processes import run, stop, wait_until

LAB_PACKAGES = (
    *("lab-lib", "lab-docker", "lab-conf", "lab-fail", "lab-kept", "lab-eater", "lab-victim"),
    *("lab-slow", "lab-reboot", "lab-ask", "lab-netdrop", "lab-big", "lab-badhash", "lab-unmet"),
    "linux-image-lab",
)
"""Every package of the lab's repository that can be installed in its first version."""

UPDATE = "-o APT::Update::Error-Mode=any update"
"""Without this a list that could not be fetched is only warned of, and its packages are missing."""
APT_GET = "DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=60"
Version = Literal["v1", "v2"]


def apt_get(
    host: Machine, arguments: str, *, check: bool = True, timeout: float = 300.0
) -> subprocess.CompletedProcess[str]:
    """Run apt-get on a host, without SSH."""
    return host.inside(f"{APT_GET} {arguments}", check=check, timeout=timeout)


def clean(host: Machine) -> None:
    """Nothing to upgrade, lists fresh."""
    host.set_sources(host.suite)
    apt_get(host, UPDATE)


def with_security_updates(host: Machine) -> None:
    """Many real upgrades pending: the base lacks every update and security fix of its suite."""
    suite = host.suite
    host.set_sources(suite, f"{suite}-updates", f"{suite}-security")
    apt_get(host, UPDATE)


def lab_packages(
    host: Machine, version: Version = "v1", packages: Sequence[str] = LAB_PACKAGES
) -> None:
    """Install packages of the lab's repository in one version."""
    host.set_sources(lab=version)
    apt_get(host, UPDATE)
    apt_get(host, f"install {' '.join(packages)}")


def switch_to(host: Machine, version: Version) -> None:
    """Let the host see another version of the lab's repository, as a new day does."""
    sources = host.root / "etc/apt/sources.list"
    sources.write_text(re.sub(r"/lab v[12] ", f"/lab {version} ", sources.read_text()))
    apt_get(host, UPDATE)


def package_state(host: Machine, package: str) -> str:
    """What dpkg says of a package: `ii`, `iU`, `iF`, ...; empty when it knows none."""
    query = f"dpkg-query -W -f '${{db:Status-Abbrev}}' {package}"
    return host.inside(query, check=False).stdout.strip()


def interrupted_dpkg(host: Machine, how: Literal["killed", "failed", "unpacked"] = "killed") -> str:
    """Leave dpkg in the middle of its work, and return the package that shows it.

    Args:
        host: its apt sources become the lab's v2.
        how: "killed": dpkg dies by SIGKILL in a postinst, apt refuses to work ("dpkg was
            interrupted"); "failed": a postinst failed, state iF; "unpacked": never configured,
            state iU.
    """
    package = {"killed": "lab-slow", "failed": "lab-fail", "unpacked": "lab-lib"}[how]
    lab_packages(host, "v1", [package])
    switch_to(host, "v2")
    if how == "failed":
        apt_get(host, f"install {package}", check=False)
    elif how == "unpacked":
        apt_get(host, f"download {package}")
        host.inside(f"dpkg --unpack {package}_2.0-1_all.deb && rm {package}_2.0-1_all.deb")
    else:
        _kill_dpkg_in_postinst(host, package)
    return package


def _kill_dpkg_in_postinst(host: Machine, package: str) -> None:
    log = host.directory / "apt.log"
    with log.open("wb") as out:
        apt = subprocess.Popen(
            [*host.inside_command(), "sh", "-c", f"{APT_GET} install {package}"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        postinst = f"pgrep -f '[i]nfo/{package}.postinst'"
        wait_until(
            lambda: host.inside(postinst, check=False).returncode == 0,
            f"the postinst of {package} on {host.name}",
        )
        # dpkg first, so that it cannot write down how its script ended
        host.inside(f"pkill -KILL -x dpkg; kill -KILL $({postinst})", check=False)
        apt.wait(30)
    finally:
        stop(apt)


HOLD_LOCK = """
import fcntl, os, select, sys
with open("/var/lib/dpkg/lock-frontend", "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print(os.getpid(), flush=True)
    select.select([sys.stdin], [], [], float(sys.argv[1]))
"""


@contextmanager
def hold_dpkg_lock(host: Machine, seconds: float = 60.0) -> Iterator[int]:
    """Hold dpkg's frontend lock as another apt would, and yield who does (a pid of the host).

    It is a POSIX lock: flock(1) on the file would hold nothing back. It ends with the context, and
    in any case after `seconds`.
    """
    words = [*host.inside_command(), "python3", "-c", HOLD_LOCK, str(seconds)]
    holder = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    if holder.stdin is None or holder.stdout is None:
        raise RuntimeError("no pipes")
    try:
        yield int(holder.stdout.readline())
    finally:
        # nsenter's child is the holder: only the end of its input reaches it
        holder.stdin.close()
        holder.wait(10)
        stop(holder)


def sudo_defaults(host: Machine, *names: str) -> None:
    """Turn on sudoers defaults such as `use_pty` and `requiretty`; none: turn ours off again."""
    file = host.root / "etc/sudoers.d/lab-defaults"
    file.unlink(missing_ok=True)
    if names:
        file.write_text("".join(f"Defaults {name}\n" for name in names))
        file.chmod(0o440)
        run(["chroot", host.root, "visudo", "-c", "-q"])


def wait_quiet(host: Machine, timeout: float = 60.0) -> None:
    """Wait until no session, no job and no start-up is left: before a picture of its files."""

    live_root = host.live_root

    def is_quiet() -> bool:
        systemd = live_root / "run/systemd"
        gone = not [*(systemd / "sessions").iterdir(), *(systemd / "users").iterdir()]
        return gone and "No jobs" in host.inside("systemctl list-jobs", check=False).stdout

    wait_until(is_quiet, f"{host.name} to be quiet", timeout=timeout)
