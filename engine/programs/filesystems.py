"""File systems: room by ``stat -f -c '%n %f %S %d %c'``, read-only ones by ``/proc/mounts``.

The format: free blocks for root, block size, free inodes, all inodes.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from engine.model.facts import Filesystem
from engine.programs.lines import cleaned_lines, pairs, whole_number


def parse(output: bytes, root: str = "") -> tuple[Filesystem, ...] | None:
    """File systems by mount point, without the host-side root; None where nothing was read.

    A file system without a count of inodes (btrfs says 0 in all) has None free inodes.
    """
    found = {}
    for line in cleaned_lines(output):
        words = line.rsplit(" ", 4)
        if len(words) != 5:
            continue
        free, size, inodes, all_inodes = (whole_number(word) for word in words[1:])
        mount = words[0].removeprefix(root)
        if free is None or size is None or not mount.startswith("/"):
            continue
        found[mount] = Filesystem(mount, free * size, inodes if all_inodes else None)
    return tuple(found[mount] for mount in sorted(found)) or None


def parse_read_only(output: bytes) -> tuple[str, ...] | None:
    """Mount points that are read-only; of several mounts on one point the last one counts."""
    found = {mount: mode for mode, mount in pairs(output) if mode in ("ro", "rw")}
    if not found:
        return None
    return tuple(sorted(mount for mount, mode in found.items() if mode == "ro"))


def filesystem_of(path: str, filesystems: tuple[Filesystem, ...]) -> Filesystem | None:
    """The file system that a path lies on: the one with the longest mount point above it."""
    wanted = PurePosixPath(path)
    above = [f for f in filesystems if wanted.is_relative_to(f.mount)]
    return max(above, key=lambda f: len(PurePosixPath(f.mount).parts), default=None)
