"""What follows from the volumes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.inventory.system_directories import why_system
from engine.preflight.answers import below
from engine.preflight.values import Finding, Preflight, Volume
from engine.preflight.words import amount, some

_SHARED: Final = frozenset((
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs",
    "9p", "virtiofs", "ocfs2", "gfs2", "lustre", "afs", "fuse.s3fs", "fuse.rclone",
))  # fmt: skip
_IN_MEMORY: Final = frozenset(("tmpfs", "ramfs"))
_WITHOUT_ACL: Final = frozenset(
    ("vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "iso9660", "squashfs")
)
_WITH_ACL: Final = frozenset(("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "overlay"))


def volumes(found: Preflight) -> Iterator[Finding]:
    """Whether each is there, whole and where it should be, and what a sync would leave out."""
    for volume in found.volumes:
        yield from _volume(volume)
    sizes = [v.used_bytes for v in found.volumes]
    total = sum(size for size in sizes if size is not None)
    if found.volumes:
        least = "" if all(v.whole for v in found.volumes) else "at least "
        yield Finding(
            "room-unknown",
            "tells",
            f"The successor needs room for {least}{amount(total)} of data; how much it has isn't "
            "known before it is built.",
            "let `provision` make disks with room to spare",
        )


def _volume(volume: Volume) -> Iterator[Finding]:
    name = f"{volume.path} ({volume.service})"
    key = f"[services.{volume.service}] volumes"
    match volume.state:
        case "missing":
            yield Finding(
                "volume-missing", "stops", f"The volume {name} isn't there.",
                f"mount it, or take it out of {key}",
            )  # fmt: skip
            return
        case "dangling":
            yield Finding(
                "volume-missing", "stops", f"The volume {name} is a link that leads nowhere.",
                f"mount what it leads to, or write the directory itself into {key}",
            )  # fmt: skip
            return
        case "other":
            yield Finding(
                "volume-no-directory", "stops", f"The volume {name} is no directory.",
                f"name its directory in {key}",
            )  # fmt: skip
            return
        case "hidden":
            yield Finding(
                "volume-unknown", "warns",
                f"Whether the volume {name} is there can't be seen without root.",
                'become = "sudo"',
            )  # fmt: skip
            return
        case "unknown":
            return  # told with what could not be read
        case "directory":
            pass
    system = why_system(volume.real) if volume.real else None
    if system is not None:
        yield Finding(
            "volume-system", "stops",
            f"The volume {name} leads to {volume.real}, which belongs to the system ({system[0]}).",
            f"name directories of data alone in {key}",
        )  # fmt: skip
    yield from _place(volume, name)
    if volume.readable is False:
        yield Finding(
            "volume-unknown", "warns", f"The volume {name} can't be read without root.",
            'become = "sudo"',
        )  # fmt: skip
    elif volume.used_bytes is None:
        yield Finding(
            "volume-size-unknown", "warns",
            f"The volume {name} couldn't be counted in time, so how long a sync takes isn't known.",
        )  # fmt: skip
    elif volume.entries == 0:
        yield Finding(
            "volume-empty", "warns", f"The volume {name} is empty.",
            "see that its file system is mounted and that the path is right",
        )  # fmt: skip
    elif not volume.whole:
        yield Finding(
            "volume-size-unknown", "warns",
            f"Something in the volume {name} couldn't be read while it was counted: it is at least "
            f"{amount(volume.used_bytes)}.",
        )  # fmt: skip


def _place(volume: Volume, name: str) -> Iterator[Finding]:
    """Whether the volume lies where it should, and what a sync of it would leave out."""
    system = volume.filesystem
    if system is None:
        yield Finding(
            "volume-unknown", "warns", f"On which file system the volume {name} lies isn't known."
        )
        return
    if volume.declared is not None and not below(system.point, volume.declared[0]):
        yield Finding(
            "volume-not-mounted", "stops",
            f"The volume {name} should be on {volume.declared[0]} ({volume.declared[1]}, "
            f"/etc/fstab), and that isn't mounted: it lies on {system.point} now.",
            f"mount {volume.declared[0]}",
        )  # fmt: skip
    if volume.inner:
        yield Finding(
            "volume-has-mounts", "warns",
            f"Below the volume {name} other file systems are mounted ({some(volume.inner)}). They "
            "are not counted here, and a sync of one file system leaves them out.",
            "name them as volumes instead of what holds them, where they are data",
        )  # fmt: skip
    if system.kind in _SHARED:
        yield Finding(
            "volume-shared", "warns",
            f"The volume {name} lies on the network ({system.kind} from {system.source}): both "
            "servers would write the same files.",
            "attach it to the successor at the cutover instead, and take it out of volumes",
        )  # fmt: skip
    if system.kind in _IN_MEMORY:
        yield Finding(
            "volume-in-memory", "warns",
            f"The volume {name} is kept in memory ({system.kind}) and gone at the next boot.",
        )  # fmt: skip
    without = [o for o in ("noacl", "nouser_xattr") if o in system.options]
    if system.kind in _WITHOUT_ACL or without:
        yield Finding(
            "acl-unsupported", "tells",
            f"The file system of {name} ({', '.join((system.kind, *without))}) keeps no access "
            "lists or extended attributes.",
        )  # fmt: skip
    elif system.kind not in _WITH_ACL:
        yield Finding(
            "acl-unknown", "tells",
            f"Whether the file system of {name} ({system.kind}) keeps access lists and extended "
            "attributes isn't known.",
        )  # fmt: skip
    if volume.acl_at_top:
        yield Finding(
            "acl-in-use", "tells",
            f"The volume {name} uses access lists: the successor's file system must keep them.",
        )  # fmt: skip


def overlaps(found: Preflight) -> Iterator[Finding]:
    """Volumes that are one directory when their links are followed; `check` sees paths alone."""
    places = [v for v in found.volumes if v.real is not None]
    for index, one in enumerate(places):
        for other in places[:index]:
            if (
                one.real
                and other.real
                and (below(one.real, other.real) or below(other.real, one.real))
            ):
                yield Finding(
                    "volumes-overlap", "stops",
                    f"The volumes {other.path} ({other.service}) and {one.path} ({one.service}) "
                    f"are the same directory or one inside the other: {other.real}, {one.real}.",
                    "name only one of them",
                )  # fmt: skip
