"""Names and numbers that the host-side scripts and this side share."""

from __future__ import annotations

import re
from typing import Final

HOME: Final = "/var/lib/hostshift"
"""Where a host keeps its lock and its runs."""

STOPPED: Final = 12
"""Exit status of a job that was asked to stop before its first command."""
SIMULATION_FAILED: Final = 13
"""Exit status of a job whose simulation could not be made; nothing was changed."""
WOULD_REMOVE: Final = 14
"""Exit status of a repair that would have to remove packages, which a person must decide."""
NOT_DOWNLOADED: Final = 15
"""Exit status of a job whose packages could not be downloaded; nothing was changed."""

OTHERS: Final = 20
"""Exit status of lock.sh and job.sh: the lock is another run's."""
OTHER_SCRIPT: Final = 21
"""Exit status of job.sh: the step was begun with another script."""
SPEAKS_AGAINST: Final = 22
"""Exit status of lock.sh: the lock can't be broken, something speaks against it."""
ONLY_A_CLAIM: Final = 23
"""Exit status of job.sh: the run waits at a gate and has to resume its lock first."""

LOG_BOUND: Final = 64 * 1024 * 1024
"""Bytes of a job's log on the host; of a longer one the first and the last quarter are kept."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")


def checked_id(word: str) -> str:
    """A run's or step's id, which becomes part of paths and unit names on the host.

    Raises:
        ValueError: it has other characters than letters, digits, dots and dashes.
    """
    if not _ID.fullmatch(word):
        raise ValueError(f"not usable as an id on a host: {word!r}")
    return word


def unit_name(run: str, step: str) -> str:
    """The transient system unit of a job."""
    return f"hostshift-{checked_id(run)}-{checked_id(step)}.service"


def directory(run: str, step: str) -> str:
    """A job's directory on the host, below the host-side root."""
    return f"{HOME}/runs/{checked_id(run)}/{checked_id(step)}"
