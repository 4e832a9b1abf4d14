"""Notices that the inventory's file has changed: a replacement rewrites it, and so do people."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int] | None
"""What changes with each writing of a file; None: it can't be read."""


class InventoryWatch:
    """The file as it was read, and as it was last seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = self._seen = _stamp(path)

    @property
    def changed(self) -> bool:
        """Whether it was another file than the one that was read, when last seen."""
        return self._seen not in (self._read, None)

    def look(self) -> bool:
        """Look again; whether there is news to tell: it has changed, since the last look."""
        before, self._seen = self._seen, _stamp(self._path)
        return self.changed and self._seen != before


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:  # in the middle of somebody's writing, or not there to stay
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
