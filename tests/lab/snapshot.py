"""A picture of every file of a host, and what is different between two of them."""

import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

KEPT_FILESYSTEMS = frozenset({"overlay", "ext4", "ext3", "xfs", "btrfs", "tmpfs", "ramfs"})
"""Mounts of other types (proc, sysfs, cgroup, ...) show the kernel, not files."""

SETTLED_NS = 2_000_000_000
"""A hash is only reused when the file had not changed for so long: longer than a clock tick."""


@dataclass(frozen=True, slots=True)
class FileState:
    """All that can be known of one file, but its access time."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    links: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    """Device number of a device file, else 0."""
    content: str
    """SHA-256 of a file, target of a link."""
    xattrs: tuple[tuple[str, bytes], ...]


Tree = Mapping[str, FileState]
"""Path (without a leading slash) -> state."""

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def snapshot_tree(root: Path, known: Tree | None = None) -> Tree:
    """Take the picture.

    Args:
        root: a host's `live_root` (with /run, /tmp and /dev), or its `root` when it is off.
        known: an earlier picture of the same tree: contents are not read again where size, times
            and inode are the same; a write always moves ctime.
    """
    skipped = _foreign_mounts(root)
    started = time.time_ns()
    tree: dict[str, FileState] = {}
    pending = [""]
    while pending:
        inside = pending.pop()
        try:
            entries = sorted(os.listdir(root / inside))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for name in entries:
            path = f"{inside}/{name}" if inside else name
            if f"/{path}" in skipped:
                continue
            try:
                state = _look(root / path, (known or {}).get(path), started)
            except FileNotFoundError:
                continue
            tree[path] = state
            if state.kind == "directory":
                pending.append(path)
    return tree


def _foreign_mounts(root: Path) -> set[str]:
    """Mount points below a host's live root that hold no files."""
    found = re.fullmatch(r"/proc/(\d+)/root", str(root))
    if found is None:
        return set()
    skipped: set[str] = set()
    for line in Path(f"/proc/{found[1]}/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        if right.split()[0] not in KEPT_FILESYSTEMS:
            skipped.add(left.split()[4])
    return skipped


def _look(path: Path, known: FileState | None, started: int) -> FileState:
    seen = path.lstat()
    kind = KINDS[stat.S_IFMT(seen.st_mode)]
    if kind == "file":
        same = (
            known is not None
            and (known.size, known.mtime_ns, known.ctime_ns, known.inode)
            == (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)
            and started - seen.st_ctime_ns > SETTLED_NS
        )
        content = known.content if known is not None and same else _hash(path)
    else:
        content = os.readlink(path) if kind == "link" else ""
    return FileState(
        kind=kind,
        mode=stat.S_IMODE(seen.st_mode),
        uid=seen.st_uid,
        gid=seen.st_gid,
        size=seen.st_size,
        links=seen.st_nlink,
        mtime_ns=seen.st_mtime_ns,
        ctime_ns=seen.st_ctime_ns,
        inode=seen.st_ino,
        device=seen.st_rdev if kind.endswith("device") else 0,
        content=content,
        xattrs=tuple(_xattrs(path)),
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _xattrs(path: Path) -> Iterator[tuple[str, bytes]]:
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        yield name, os.getxattr(path, name, follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """What one picture has that another has not."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: Mapping[str, frozenset[str]]
    """Path -> the fields of `FileState` that differ."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def beyond(self, control: Self) -> "Difference":
        """What is here and not in the difference that a control run made."""
        changed = {
            path: names - control.changed.get(path, frozenset())
            for path, names in self.changed.items()
        }
        return Difference(
            self.added - control.added,
            self.removed - control.removed,
            {path: names for path, names in changed.items() if names},
        )

    def __str__(self) -> str:
        lines = [f"+ {path}" for path in sorted(self.added)]
        lines += [f"- {path}" for path in sorted(self.removed)]
        lines += [
            f"~ {path}: {', '.join(sorted(self.changed[path]))}" for path in sorted(self.changed)
        ]
        return "\n".join(lines)


def difference(before: Tree, after: Tree) -> Difference:
    """Compare two pictures."""
    names = [field.name for field in fields(FileState)]
    changed: dict[str, frozenset[str]] = {}
    for path in before.keys() & after.keys():
        old, new = before[path], after[path]
        if old != new:
            changed[path] = frozenset(n for n in names if getattr(old, n) != getattr(new, n))
    return Difference(
        frozenset(after.keys() - before.keys()), frozenset(before.keys() - after.keys()), changed
    )
