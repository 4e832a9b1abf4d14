"""/proc/self/mountinfo (proc(5)): what is mounted where, of all that holds data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.programs.lines import cleaned_lines

_PSEUDO = frozenset(
    # util-linux, libmount/src/utils.c, mnt_fstype_is_pseudofs(); overlay and virtiofs hold data.
    {
        "anon_inodefs", "apparmorfs", "autofs", "bdev", "binder", "binfmt_misc", "bpf", "cgroup",
        "cgroup2", "configfs", "cpuset", "debugfs", "devfs", "devpts", "devtmpfs", "dlmfs",
        "dmabuf", "drm", "efivarfs", "fuse.archivemount", "fuse.dumpfs", "fuse.encfs",
        "fuse.gvfs-fuse-daemon", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal",
        "fuse.rofiles-fuse", "fuse.vmware-vmblock", "fuse.xwmfs", "fusectl", "hugetlbfs",
        "ipathfs", "mqueue", "nfsd", "none", "nsfs", "pipefs", "proc", "pstore", "ramfs",
        "resctrl", "rootfs", "rpc_pipefs",
        "securityfs", "selinuxfs", "smackfs", "sockfs", "spufs", "sysfs", "tmpfs", "tracefs",
    }
)  # fmt: skip
_PASSING = (
    "/dev", "/proc", "/run", "/sys", "/tmp", "/snap", "/var/lib/snapd", "/var/lib/docker",
    "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet", "/var/lib/lxc",
    "/var/lib/lxd",
)  # fmt: skip
"""Below these programs mount and unmount for themselves: containers, snaps, sessions."""
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount point, as it is seen from above where several lie upon each other.

    Attributes:
        read_only: The mount or its whole file system; ext4 turns so after an error.
    """

    point: str
    kind: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Attached:
    """A file system at its mount point, whatever it is.

    Attributes:
        source: What it is made of, as the kernel tells it, such as ``/dev/vda2``.
        options: Of the mount and of the file system, together, sorted.
    """

    point: str
    kind: str
    source: str
    options: tuple[str, ...] = ()


def parse_attached(output: bytes, exit_status: int | None) -> tuple[Attached, ...] | None:
    """All mounts in the kernel's order, so that the last one of a point is what is seen there."""
    if exit_status != 0:
        return None
    found = []
    for line in cleaned_lines(output):
        fields, dash, rest = line.partition(" - ")
        words, more = fields.split(" "), rest.split(" ")
        if not dash or len(words) < 6 or len(more) < 3:
            return None
        point, source = (_OCTAL.sub(_character, word) for word in (words[4], more[1]))
        options = tuple(sorted({*words[5].split(","), *more[2].split(",")}))
        found.append(Attached(point, more[0], source, options))
    return tuple(found) or None


def parse(output: bytes, exit_status: int | None) -> tuple[Mount, ...] | None:
    """Mounts that hold data and stay, by mount point; None where the list isn't whole.

    What an automount point has mounted is left out: it goes by itself when nobody uses it.
    """
    if exit_status != 0:
        return None
    found: dict[str, Mount] = {}
    automatic = set()
    for line in cleaned_lines(output):
        fields, dash, rest = line.partition(" - ")
        words, more = fields.split(" "), rest.split(" ")
        if not dash or len(words) < 6 or len(more) < 3:
            return None
        point, kind = _OCTAL.sub(_character, words[4]), more[0]
        if kind == "autofs":
            automatic.add(point)
        elif kind in _PSEUDO:
            found.pop(point, None)
        else:
            options = {*words[5].split(","), *more[2].split(",")}
            found[point] = Mount(point, kind, "ro" in options)
    kept = [p for p in sorted(found) if p not in automatic and not _is_passing(p)]
    return tuple(found[point] for point in kept) or None


def _character(octal: re.Match[str]) -> str:
    # Blank, tab, newline, backslash, "#": the kernel's mangle(); the rest of a name stands.
    character = chr(int(octal[1], 8))
    return character if character in " \\#" else octal[0]


def _is_passing(point: str) -> bool:
    return any(point.startswith(folder + "/") for folder in _PASSING)
