"""Ending the processes that the demo itself started, by their session ids and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

_PROC = Path("/proc")


def members(session: int) -> tuple[int, ...]:
    """Process ids in a session (proc_pid_stat(5), field 6); empty where there is no /proc."""
    found: list[int] = []
    if not _PROC.joinpath("self", "stat").exists():
        return ()
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            stat = entry.joinpath("stat").read_bytes()
        except OSError:
            continue  # it has ended meanwhile, or isn't ours to see
        # The command name is in parentheses and may hold anything, so count from its end.
        fields = stat.rpartition(b")")[2].split()
        if len(fields) > 3 and int(fields[3]) == session and fields[0] != b"Z":
            found.append(int(entry.name))
    return tuple(found)


def end_session(session: int) -> None:
    """Kill everything in the session that a process of ours leads.

    What has made itself a session of its own is in another one and stays.
    """
    for pid in members(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    end_group(session)


def end_group(group: int) -> None:
    """Kill what is left of a process group; cheap, as nothing has to be searched for."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def end_recorded(directory: Path, marker: str, patience_s: float = 5.0) -> tuple[int, ...]:
    """End the sessions whose ids are recorded as file names in a directory.

    Args:
        marker: A path that the environment of each of them holds; a number that has meanwhile
            become somebody else's process is left alone (where /proc can tell).

    Returns:
        Sessions that still live when patience ends; empty when all have ended.
    """
    deadline = time.monotonic() + patience_s
    left = _recorded(directory, marker)
    while left and time.monotonic() < deadline:
        for session in left:
            end_session(session)
        time.sleep(0.02)
        left = _recorded(directory, marker)
    return left


def _recorded(directory: Path, marker: str) -> tuple[int, ...]:
    try:
        names = [entry.name for entry in directory.iterdir() if entry.name.isdecimal()]
    except FileNotFoundError:
        return ()
    return tuple(int(name) for name in names if _is_ours(int(name), marker))


def _is_ours(session: int, marker: str) -> bool:
    if not _PROC.joinpath("self", "environ").exists():
        try:
            os.killpg(session, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True
    for pid in members(session):
        try:
            environment = _PROC.joinpath(str(pid), "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(marker) in environment:
            return True
    return False
