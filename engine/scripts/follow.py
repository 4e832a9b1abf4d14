"""Following a script on this machine, and ending it. Its log is the log: nothing is copied."""

from __future__ import annotations

import asyncio
from typing import Final

from engine.jobs.follow import ROUND_S, Seen
from engine.scripts.layout import directory, look
from engine.scripts.start import GRACE_S
from engine.session import Session
from engine.text import clean

POLL_S: Final = 0.2
"""Seconds between two looks at a script's files."""
TAIL: Final = 2_000
"""Bytes of a log's end that are shown beside a result."""


async def follow(session: Session, run: str, step: str, *, seconds: float = ROUND_S) -> Seen:
    """One long look at a script: until it ends, or for ``seconds``.

    Harmless at any time and from any process of this machine; the log can be read meanwhile.
    """
    place = directory(session.state_dir, run, step)
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        seen = await asyncio.to_thread(look, place)
        if not seen.alive or loop.time() >= until:
            return seen
        await asyncio.sleep(min(POLL_S, max(0.0, until - loop.time())))


async def stop(session: Session, run: str, step: str, *, grace_s: float = GRACE_S) -> Seen:
    """End a script: its whole session is asked, and killed after its grace. The result says so.

    At its deadline a script is ended by its own keeper, whether hostshift is there or not.

    Raises:
        ReadOnlyError: this session is read-only.
    """
    session.must_be_allowed_to_change(f"stopping the script of step {step}")
    place = directory(session.state_dir, run, step)
    if place.is_dir():
        (place / "stop").touch(mode=0o600)
    return await follow(session, run, step, seconds=grace_s + 10)


def tail(session: Session, run: str, step: str, limit: int = TAIL) -> str:
    """The end of a script's log, cleaned for people; empty where it has said nothing."""
    try:
        with open(directory(session.state_dir, run, step) / "log", "rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - limit))
            data = file.read(limit)
    except FileNotFoundError:
        return ""
    if end > limit:
        data = data.partition(b"\n")[2] or data  # not half a line
    return clean(data).strip()
