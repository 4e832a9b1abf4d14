"""Children that are forked from a process with one thread, and what a loop of them reports."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.store import StoredRun


@dataclass
class Report:
    """What was seen.

    Attributes:
        wrong: What must never happen, in words.
        interrupted: Steps that were begun more than once.
        refusals: How often a worker of a race was refused a host, a place, or a run.
    """

    trials: int = 0
    killed: int = 0
    runs: int = 0
    finished_steps: int = 0
    interrupted: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0
    wrong: list[str] = field(default_factory=list)


def fork(work: Callable[[], None], errors: Path) -> int:
    """A child that does some work and ends; its complaints go to a file."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        if status:
            append(errors, traceback.format_exc())
        os._exit(status)


def append(file: Path, text: str) -> None:
    """Append in one write(2), as far as the kernel: a kill can't tear it."""
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, text.encode())
    os.close(fd)


def ended(run: StoredRun | None) -> bool:
    """Whether a run was carried out to its end and let go of its hosts."""
    return run is not None and run.state == "succeeded" and not run.holds_hosts
