"""The disk of a host: an overlay of its own changes over shared, read-only trees."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.lab.processes import run


class Disk:
    """Where a host's files are. They survive its reboots, and can be used while it is off."""

    def __init__(self, directory: Path, lowers: Sequence[Path], size: str | None = None) -> None:
        """Describe it.

        Args:
            directory: the host's own directory.
            lowers: the trees below, the uppermost first.
            size: give the host a real ext4 of this size ("330M"), with a real ENOSPC.
        """
        self.root = directory / "root"
        self._store = directory / "store"
        self._image = directory / "disk.img"
        self._lowers = tuple(lowers)
        self._size = size
        self._filler = self.root / "var/tmp/filler"

    @property
    def changes(self) -> Path:
        """The host's own files: what a clone can be layered on when the host is off."""
        return self._store / "changes"

    def mount(self) -> None:
        """Make the host's files appear at `root`."""
        self.root.mkdir(parents=True)
        self._store.mkdir()
        if self._size is not None:
            run(["truncate", "-s", self._size, self._image])
            run(["mkfs.ext4", "-q", "-F", "-m", "0", self._image])
            run(["mount", "-o", "loop", self._image, self._store])
        work = self._store / "work"
        self.changes.mkdir()
        work.mkdir()
        options = (
            f"lowerdir={':'.join(map(str, self._lowers))},upperdir={self.changes},workdir={work},"
            "index=off,metacopy=off,redirect_dir=off"
        )
        run(["mount", "-t", "overlay", "overlay", "-o", options, self.root])

    def unmount(self) -> None:
        """Detach it; the changes stay where they are (unless the disk has a size)."""
        run(["umount", "--lazy", self.root], check=False)
        if self._size is not None:
            run(["umount", "--lazy", self._store], check=False)

    def fill(self) -> None:
        """Leave no room for a single byte. Only for a disk of a size: the others are the machine's.

        Raises:
            RuntimeError: it has none.
        """
        if self._size is None:
            raise RuntimeError("this is the machine's own disk")
        descriptor = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            size = 1 << 20
            while size:
                try:
                    os.write(descriptor, bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    os.fsync(descriptor)
                    size //= 2
        finally:
            os.close(descriptor)

    def make_room(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink()

    def keep_changes(self, where: Path) -> None:
        """Move the changes of an unmounted disk to a place of their own, as a layer for others."""
        shutil.move(self.changes, where)
