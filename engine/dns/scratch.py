"""Proving long before the window that updates of a zone work: a TXT record is added and removed."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from engine.clock import Clock, rfc3339
from engine.dns.carry_out import Outcome, carry_out
from engine.dns.change import change
from engine.dns.look import ask_all
from engine.dns.names import records
from engine.dns.servers import primary_of
from engine.dns.values import Edit, Key, Problem, Records, Wire
from engine.inventory.value import Zone

LABEL: Final = "_hostshift-scratch"
TTL: Final = 1
FORGOTTEN: Final = timedelta(minutes=10)
"""No proof takes so long: a record that is older was left behind by one that was killed."""
_OURS = re.compile(r'"hostshift scratch ([0-9TZ:-]{20}) [0-9a-f]+"')


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a zone takes our updates.

    Attributes:
        steps: What was done, in words.
        left: Whether the record is still there; None: nobody can say.
    """

    zone: str
    ok: bool
    steps: tuple[str, ...] = ()
    problem: Problem | None = None
    left: bool | None = False


async def prove(wire: Wire, clock: Clock, zone: Zone, key: Key | None) -> Proof:
    """Add a scratch record to a zone and remove it; it proves key, policy and journal.

    Cancelled, it still takes its record out before it ends, which its deadlines bound.

    Raises:
        ReadOnlyError: this hostshift is read-only.
    """
    work = asyncio.ensure_future(_prove(wire, clock, zone, key))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


async def _prove(wire: Wire, clock: Clock, zone: Zone, key: Key | None) -> Proof:
    name = f"{LABEL}.{zone.name}"
    primary = await primary_of(wire, zone)
    if isinstance(primary, Problem):
        return Proof(zone.name, ok=False, problem=primary)
    (seen,) = await ask_all(wire, clock, zone.name, [primary], [name], ["TXT"])
    if not seen.answered:
        return Proof(zone.name, ok=False, problem=seen.problem)
    steps: list[str] = []
    now = clock.now()
    if (found := seen.of("TXT")) is not None:
        problem = in_the_way(found, now)
        if problem is not None:
            return Proof(zone.name, ok=False, problem=problem, left=True)
        outcome = await _carry(wire, clock, zone, key, found, None)
        if outcome.problem is not None:
            return Proof(zone.name, ok=False, problem=outcome.problem, left=True)
        steps.append(f"removed {name}, which an earlier proof had left behind")
    text = f"hostshift scratch {rfc3339(now)} {secrets.token_hex(4)}"
    record = records(name, "TXT", [text], TTL)
    added = await _carry(wire, clock, zone, key, None, record)
    if added.ending == "refused":
        return Proof(zone.name, ok=False, steps=tuple(steps), problem=added.problem)
    if added.ending == "changed":
        steps.append(f"added TXT {name} at {primary.shown}, and read it there")
    removed = await _carry(wire, clock, zone, key, record, None)
    gone = removed.ending in ("changed", "nothing-to-do")
    if removed.ending == "changed":
        steps.append("removed it, and found it gone")
    problem = added.problem or removed.problem
    left = False if gone else None if removed.ending == "unknown" else True
    return Proof(zone.name, problem is None and gone, tuple(steps), problem, left)


async def _carry(
    wire: Wire, clock: Clock, zone: Zone, key: Key | None, old: Records | None, new: Records | None
) -> Outcome:
    some = old or new
    name = some.name if some is not None else ""
    return await carry_out(wire, clock, zone, change(zone.name, [Edit(name, "TXT", old, new)]), key)


def in_the_way(found: Records, now: datetime) -> Problem | None:
    """Why a record at the scratch name can't be removed; None: it was left behind. Pure."""
    ours = [_OURS.fullmatch(value) for value in found.values]
    if not all(ours):
        return Problem(
            "not-ours",
            f"{found.name} holds a record that is not hostshift's",
            "Remove it by hand if nobody needs it.",
        )
    for match in ours:
        try:
            made = datetime.fromisoformat(match[1]) if match else now
        except ValueError:
            continue
        if now - made < FORGOTTEN:
            return Problem(
                "busy",
                f"{found.name} was added at {rfc3339(made)}: somebody proves this zone just now",
                f"Try again in {FORGOTTEN.seconds // 60} minutes; then it counts as left behind.",
            )
    return None
