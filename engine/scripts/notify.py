"""The notify hook: told of gates and endings, never waited for."""

from __future__ import annotations

import asyncio
import hashlib

from engine.clock import rfc3339
from engine.errors import HostshiftError
from engine.jobs.layout import checked_id
from engine.model.run import Run
from engine.plan.hooks import hook
from engine.scripts.events import environment, event
from engine.scripts.follow import tail
from engine.scripts.layout import look
from engine.scripts.result import judge
from engine.scripts.start import start
from engine.session import Session

_PREFIX = "notify-"


async def notify(session: Session, run: Run, what: str, step: str | None = None) -> str | None:
    """Tell the inventory's notify script; returns when it has begun, and never raises.

    Told once for each ``what``, state with its ``since``, and step, however often this is called:
    a hostshift that takes over doesn't page anybody a second time. So the run must be recorded
    in that state first.

    Args:
        what: ``gate``, ``ended``, or another word of letters and dashes.
        step: The step that waits, or that the end is about.

    Returns:
        Why it could not be told, in words; None when it was, or when there is nobody to tell.
    """
    act = hook(session.inventory.hooks, "notify")
    if act is None or session.read_only:
        return None
    same = "\n".join((what, run.state, step or "", rfc3339(run.since)))
    name = f"{_PREFIX}{what}-{hashlib.sha256(same.encode()).hexdigest()[:12]}"
    told = event("notify", run, step, what, session.clock.now())
    try:
        old = session.inventory.host(run.host)
        await start(session, run.id, name, act, told, environment(run.id, old))
    except HostshiftError as error:
        return f"The notify script was not told: {error.message}"
    return None


async def complaints(session: Session, run_id: str) -> tuple[str, ...]:
    """What went wrong with the notify scripts of a run, a line each; changes no state."""
    act = hook(session.inventory.hooks, "notify")
    if act is None:
        return ()
    home = session.state_dir / "runs" / checked_id(run_id)
    found: list[str] = []
    for place in await asyncio.to_thread(lambda: sorted(home.glob(f"{_PREFIX}*"))):
        seen = await asyncio.to_thread(look, place)
        result = judge(act, seen, tail(session, run_id, place.name))
        found += result.reason[:2]
    return tuple(found)
