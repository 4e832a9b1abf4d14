"""The running kernel, those in /boot, and what of that makes a reboot due."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.model.facts import Kernel
from engine.programs.debian_version import DebianVersion
from engine.programs.dpkg import Installed
from engine.programs.lines import pairs

# Raspberry Pi OS called its kernels 6.1.0-rpi7-rpi-v8 before 6.6.20+rpt-rpi-v8.
_FLAVOUR = re.compile(r"^\d[\w.+~]*?(?:-\d[\w.+~]*)*(?:-rpi\d+)?-([a-z][\w.-]*)$")
PACKAGES = ("linux-image-", "proxmox-kernel-", "pve-kernel-", "raspberrypi-kernel")
"""How the names of packages begin that bring a kernel."""
_IMAGE = re.compile(f"(?:{'|'.join(PACKAGES)})(?:unsigned-)?[0-9]")
FLAG = "/run/reboot-required"


@dataclass(frozen=True, slots=True)
class KernelSigns:
    """What the section ``kernel`` holds.

    Attributes:
        version: ``uname -v``; Debian's holds the package's version.
        images: Releases of the images in /boot.
        flag: Whether /run/reboot-required is there.
        flag_packages: What its ``.pkgs`` names, each once, in order of first mention.
    """

    release: str | None
    version: str
    images: tuple[str, ...]
    flag: bool
    flag_packages: tuple[str, ...]


def parse(output: bytes) -> KernelSigns:
    """Read the section; what is missing is empty."""
    release, version, images, flag = None, "", [], False
    packages: dict[str, None] = {}
    for key, value in pairs(output):
        if key == "release" and release is None:
            release = value or None
        elif key == "version":
            version = value
        elif key == "image" and value and not value.endswith((".old", ".bak")):
            images.append(value)
        elif key == "flag":
            flag = True
        elif key == "package" and value:
            packages[value] = None
    return KernelSigns(release, version, tuple(images), flag, tuple(packages))


def flavour(release: str) -> str | None:
    """``amd64`` of ``6.1.0-28-amd64``, ``generic`` of ``6.8.0-45-generic``; None if it has none."""
    match = _FLAVOUR.match(release)
    return match[1] if match else None


def expected(signs: KernelSigns) -> str | None:
    """The release that the next boot is expected to run: the newest image of this flavour.

    GRUB's 10_linux sorts by version and starts the newest. None where there is no image at all
    (a container, or a kernel that the hypervisor brings).
    """
    if signs.release is None:
        return None
    own = flavour(signs.release)
    alike = [image for image in signs.images if flavour(image) == own]
    return max(alike, key=DebianVersion, default=None)


def kernel(signs: KernelSigns, in_container: bool) -> Kernel:
    """The kernel as a fact; a container boots none of its own."""
    return Kernel(signs.release, None if in_container else expected(signs))


def reasons(
    signs: KernelSigns, packages: tuple[Installed, ...], in_container: bool
) -> tuple[str, ...]:
    """Why the kernel or the flag file want a reboot; empty where they don't."""
    found = []
    newest = None if in_container else expected(signs)
    if newest and signs.release and newest != signs.release:
        if DebianVersion(newest) > DebianVersion(signs.release):
            found.append(f"kernel {newest} is installed and {signs.release} runs")
        else:
            found.append(f"kernel {signs.release} runs and is no longer the one to boot: {newest}")
    elif newest and (built := _newer_build(signs, packages)):
        found.append(f"kernel {signs.release} was rebuilt as {built} and the former build runs")
    if signs.flag:
        names = ", ".join(signs.flag_packages)
        found.append(f"{FLAG} is there{', for ' + names if names else ''}")
    return tuple(found)


def _newer_build(signs: KernelSigns, packages: tuple[Installed, ...]) -> str | None:
    # Debian's kernels have the package's version in uname -v: "#1 SMP ... Debian 6.1.90-1 (...)".
    running = re.search(r"\bDebian (\d\S*)", signs.version)
    if running is None:
        return None
    names = (f"linux-image-{signs.release}", f"linux-image-unsigned-{signs.release}")
    for package in packages:
        if (
            package.name in names
            and package.present
            and DebianVersion(package.version) > DebianVersion(running[1])
        ):
            return package.version
    return None


def release_of(package: str) -> str | None:
    """The kernel that a package brings, as ``uname -r`` calls it; None: it brings none."""
    name = package.partition(":")[0]
    if not is_image(name):
        return None
    prefix = next(p for p in PACKAGES if name.startswith(p))
    return name.removeprefix(prefix).removeprefix("unsigned-").removesuffix("-unsigned")


def is_image(package: str) -> bool:
    """Whether a package brings files to /boot; without a version in its name it names another."""
    return _IMAGE.match(package) is not None
