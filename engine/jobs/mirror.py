"""The controller's copy of a job's log: byte for byte, resumable, 0600 in 0700."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from pathlib import Path

TAIL = 4096
"""Bytes at the copy's end whose digest shows that it is the beginning of the host's log."""


class Mirror:
    """One log file. Every write goes to its own offset, so that writing twice changes nothing.

    Attributes:
        alone: No other `Mirror` of the file is open, in any process of this machine.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.length = os.fstat(self._fd).st_size
        self.alone = True
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:  # without locks on this file system, two copy the same bytes
            self.alone = error.errno != errno.EWOULDBLOCK

    def tail_digest(self) -> str:
        """SHA-256 of the last `TAIL` bytes, or of all where there are fewer."""
        start = max(0, self.length - TAIL)
        return hashlib.sha256(os.pread(self._fd, self.length - start, start)).hexdigest()

    def digest(self) -> str:
        """SHA-256 of the whole copy."""
        whole = hashlib.sha256()
        offset = 0
        while block := os.pread(self._fd, 1 << 20, offset):
            whole.update(block)
            offset += len(block)
        return whole.hexdigest()

    def write(self, offset: int, data: bytes) -> bool:
        """Put bytes where they belong; False when that would leave a hole."""
        if offset > self.length:
            return False
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, offset)
            offset += written
            view = view[written:]
        self.length = max(self.length, offset)
        return True

    def restart(self) -> None:
        """Throw the copy away: the host's log is another one."""
        self.back(0)

    def back(self, offset: int) -> None:
        """Throw away what lies behind an offset: the host's log was shortened there."""
        if offset < self.length:
            os.ftruncate(self._fd, offset)
            self.length = offset

    def sync(self) -> None:
        """Have it on the disk."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Give the file back. Harmless when done twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def last(path: Path, limit: int) -> bytes:
    """The end of a copy, empty where there is none (yet)."""
    try:
        return read(path, max(0, path.stat().st_size - limit), limit)
    except FileNotFoundError:
        return b""


def read(path: Path, offset: int, limit: int) -> bytes:
    """A part of a copy, empty where there is none (yet)."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)
    except FileNotFoundError:
        return b""
