"""Where a script's files are, and what they show; they are named as a job's (docs/runs.md)."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from engine.jobs.follow import Seen
from engine.jobs.layout import checked_id
from engine.text import clean_line, decode

MAX_JOB = 65_536
"""Bytes that are read of a file that holds one line."""


def directory(state_dir: Path, run: str, step: str) -> Path:
    """A script's directory, 0700: beside the mirrored logs of the same run's steps.

    Raises:
        ValueError: the run's or the step's id can't be part of a path.
    """
    return state_dir / "runs" / checked_id(run) / checked_id(step)


def boot_id() -> str | None:
    """The boot of this machine that runs now, proc(5); None where there is no /proc."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None


def look(place: Path) -> Seen:
    """What a script's directory shows now."""
    seen = Seen(boot=boot_id(), complete=True)
    if not place.is_dir():
        seen.missing, seen.begun = True, False
        return seen
    seen.job = clean_line(decode(_read(place / "job.json")), MAX_JOB)
    seen.begun = (place / "begun").is_dir()
    if not seen.begun:
        return seen
    # In this order: a keeper that is gone has written its result before.
    seen.alive = _is_alive(place / "alive")
    status = _read(place / "exit")
    if status.isdigit():
        seen.exit_status, seen.alive = int(status), False
    seen.end = clean_line(decode(_read(place / "end"))) or None
    return seen


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_JOB).strip()
    except FileNotFoundError:
        return b""


def _is_alive(path: Path) -> bool:
    """Whether the keeper still holds its lock; asked only after the script has begun."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
