"""What the time that is left allows: at once, after a cool-down, or in the next window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from engine.families.traits import has_trait
from engine.model.candidate import Candidate, Waiting
from engine.model.facts import Packages
from engine.model.host import Host
from engine.risk.waiting import ages, source_of

AT_ONCE_DAYS = 3
SOON_DAYS = 14
COOL_DAYS = 7
"""By then 46 of 100 regressions of a vendor's updates are mended (risk/data/wait_curve.toml)."""
COOL_CORE_DAYS = 14
"""By then 66 of 100; for what boots the host or keeps its network, whose regressions are outages
in 72 of 100 cases and not in 11. That these may rest for twice as long is a judgement."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When to act.

    Attributes:
        rests_until: The day on which a cool-down ends; None: nothing speaks against now.
        why: The words for it.
    """

    rests_until: date | None
    why: tuple[str, ...]


def is_at_once(waiting: Waiting) -> bool:
    """Whether what is open is so bad that nothing may rest."""
    # Not by the days: support that ends the day after tomorrow makes no hole worse.
    return waiting.level == "critical"


def timing(
    host: Host, packages: Packages, candidate: Candidate, waiting: Waiting, today: date
) -> Timing:
    """When a candidate is to be carried out."""
    due = waiting.due_days
    if is_at_once(waiting):
        within = "" if due is None else f": {_at_most(due)}"
        now = f"Now, without a cool-down{within}. Look for signs of a break-in too."
        return Timing(None, (now,))
    changes = candidate.changes or ()
    comes = [change for change in changes if change.action != "remove"]
    if candidate.kind not in ("upgrade", "dist-upgrade") or (changes and not comes):
        return Timing(None, ())
    found = ages((source_of(change) for change in comes), packages, today) if comes else None
    soon = due is not None and due <= SOON_DAYS
    if found is None or found.newest is None or found.oldest is None:
        return Timing(None, _age_unknown(host, due, soon=soon))
    core = any(has_trait(c.name, t) for c in comes for t in ("boot", "core", "network"))
    cool = COOL_CORE_DAYS if core and not soon else COOL_DAYS
    left = cool - found.newest
    age = "1 day" if found.newest == 1 else f"{found.newest} days"
    if left > 0 and (due is None or found.oldest + left <= due):
        until = today + timedelta(days=left)
        words = (
            f"Cool-down: the newest of these updates has been out for {age}; let it rest until "
            f"{until}."
        )
        return Timing(until, (words,))
    if left > 0:
        words = (
            f"No cool-down: the newest of these updates has been out for {age}, but the oldest "
            "would miss its deadline."
        )
        return Timing(None, (words,))
    if not found.complete:
        return Timing(None, _age_unknown(host, due, soon=soon))
    return Timing(
        None, (f"Cool-down is over: the newest of these updates has been out for {age}.",)
    )


def _age_unknown(host: Host, due: int | None, *, soon: bool) -> tuple[str, ...]:
    if due is None or due <= AT_ONCE_DAYS:
        return ()
    unknown = (
        "how long these updates have been out isn't known, so whether they have rested is yours "
        "to judge."
    )
    if soon:
        cool = f"a cool-down of up to {min(COOL_DAYS, due)} days"
        return (f"{_at_most(due)} leave room for {cool}; {unknown}",)
    window = f" ({host.window})" if host.window else ""
    cool = f"a cool-down of {COOL_DAYS} to {COOL_CORE_DAYS} days and the next window{window}"
    return (f"{_at_most(due)} leave room for {cool}; {unknown}",)


def price_of_nothing(waiting: Waiting, *, ended: bool) -> str:
    """What it costs to do nothing, beside every advice.

    Args:
        ended: The release has no security support any more.
    """
    within = "" if waiting.due_days is None else f", {_at_most(waiting.due_days)}"
    reason = "no more fixes come; " if ended else ""
    return f"The price of doing nothing: {waiting.level}{within} ({reason}{waiting.reasons[0]})."


def _at_most(due: int) -> str:
    return "1 day at most" if due == 1 else f"{due} days at most"
