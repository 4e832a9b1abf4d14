"""The demo's private directory: made anew, and gone afterwards whatever happened."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.demo.processes import end_recorded

_PREFIX = "hostshift-demo-"
_ALIVE = "alive"


@contextlib.contextmanager
def private_place() -> Iterator[Path]:
    """A directory of this start, 0700, removed at the end with every process that belongs to it.

    What a demo that was killed has left behind is removed first.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _sweep(left)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX))
    with place.joinpath(f"{_ALIVE}.new").open("w") as alive:
        # Held as long as this process lives; nothing else tells so surely that it does. The file
        # gets its name only then, so that nobody can find it free.
        fcntl.flock(alive, fcntl.LOCK_EX)
        Path(alive.name).rename(place / _ALIVE)
        try:
            yield place
        finally:
            remove(place)


def remove(place: Path) -> None:
    """End the jobs that live in the directory, then remove it."""
    for host in place.glob("hosts/*"):
        end_recorded(host / "control" / "sessions", marker=f"{host}")
    shutil.rmtree(place, ignore_errors=True)


def _sweep(left: Path) -> None:
    """Remove a directory of ours whose demo is dead."""
    try:
        if left.is_symlink() or left.stat().st_uid != os.getuid():
            return
        with left.joinpath(_ALIVE).open("r+") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(left)
    except OSError:
        return  # it lives, or it is on its way in or out, or isn't ours
