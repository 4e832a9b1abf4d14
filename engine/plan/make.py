"""Making a plan: the exact steps of one candidate or chore, or the reasons why there are none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, get_args

from engine.candidates import foresee, picked
from engine.candidates.blockers import common_blockers
from engine.errors import InputError, RefusedError
from engine.families.registry import family
from engine.inventory.value import Hooks
from engine.model.candidate import IN_PLACE, Blocker, Candidate, Effects
from engine.model.facts import Change, Facts
from engine.model.host import Host
from engine.model.plan import Chore, OutageWindow, Plan, Step
from engine.plan.around import around as around_steps
from engine.plan.reboot import reboot_steps
from engine.plan.remove_successor import remove_successor_steps
from engine.plan.replace import Replacing, go_back_steps, replace_steps
from engine.plan.snapshot import remove_snapshots, with_snapshot
from engine.risk import ORDINARY, Circumstances, model, planned_minutes

CHORES: Final[tuple[Chore, ...]] = get_args(Chore)
"""Some have more behind a colon: the packages of `hold`, what else a `repair` mends."""
_QUIET: Final = frozenset({"refresh", "download", "clean", "hold", "unhold"})
"""Chores that touch no running service and need no typed name."""
REMOVE_SNAPSHOTS: Final = "clean:snapshots"
_NO_HOOKS = Hooks()


class BlockedError(RefusedError):
    """Blockers forbid what was asked; nothing was changed.

    Attributes:
        blockers: All of them, in the order in which they should be mended.
    """

    kind = "blocked"

    def __init__(self, host: str, candidate: str, blockers: tuple[Blocker, ...]) -> None:
        reasons = "\n".join(
            f"  {b.id}: {b.message}\n    remedy: {b.remedy}".replace("\n", "\n    ")
            for b in blockers
        )
        super().__init__(
            f"Refused: {candidate} on {host} is blocked, and nothing was changed.\n{reasons}",
            hint=f"Mend what is named above, then look again: hostshift status {host}",
        )
        self.blockers = blockers


_NOTHING = Effects(
    reboot=False, units=(), containers=(), conffiles=(), download_bytes=None, disk_bytes=None
)


def make_plan(
    host: Host,
    facts: Facts,
    candidate: str,
    now: datetime,
    hooks: Hooks = _NO_HOOKS,
    around: Circumstances = ORDINARY,
    about: Replacing | None = None,
    take: Sequence[str] = (),
) -> Plan:
    """The plan of a candidate (by its id) or a chore (by its name). Pure.

    Args:
        hooks: The inventory's; they are steps of every plan that touches running services.
        around: What neither host nor facts say; it changes the risk and nothing that is done.
        about: What a replacement has to know of the inventory (`replacing`).
        take: Configuration files of which the package's version is wanted instead of the host's.

    Raises:
        InputError: there is no such candidate on this host; the message says what there is. Or it
            doesn't ask about a file that is to be taken.
        BlockedError: blockers forbid it; each is named with its remedy.
        RefusedError: this version has no steps for it.
    """
    if candidate.partition(":")[0] in CHORES:
        if take:
            raise InputError(
                f"{candidate} asks about no configuration file.", hint="Plan it without --take."
            )
        return _chore(host, facts, candidate, now, hooks)
    foreseen = foresee(host, facts, now, around)
    found = foreseen.candidate(candidate) or picked(host, facts, candidate, now, around)
    if found is None:
        raise _unknown(host, candidate, [c.id for c in foreseen.candidates])
    if found.kind == "none":
        raise RefusedError(
            f"'none' means to leave {host.name} as it is: there is nothing to plan.",
            hint=f"hostshift status {host.name} shows the other candidates.",
        )
    _refuse_if_blocked(host, candidate, found.blockers)
    if found.kind == "replace":
        if about is None:
            raise ValueError("a replacement is planned with what the inventory says of it")
        to_successor = replace_steps if found.subset is None else go_back_steps
        return _plan(host, facts, found, now, to_successor(host, about, hooks))
    if found.kind == "decommission":
        return _plan(host, facts, found, now, _removal(host, facts, found, about))
    if candidate == "reboot":
        steps = reboot_steps(host, facts)
    else:
        steps = family(facts.family).steps(host, facts, candidate)
    if take:
        steps = family(facts.family).taking(facts, found, steps, take)
    if found.kind in IN_PLACE:
        # Nothing changes packages back.
        steps = tuple(with_snapshot(host, facts, steps, found.changes, now))
    plan = _plan(host, facts, found, now, around_steps(host, steps, hooks))
    return replace(plan, take=tuple(sorted(set(take))))


def _removal(
    host: Host, facts: Facts, candidate: Candidate, about: Replacing | None
) -> tuple[Step, ...]:
    built = facts.successor
    if about is None or built is None:
        raise ValueError("a removal is planned with what the host and the inventory say of it")
    if {built.name, built.address} & about.taken:
        words = f"{built.name} at {built.address} is a server of the inventory."
        remedy = "Take it out of the inventory first, if it should go."
        _refuse_if_blocked(host, candidate.id, (Blocker("successor-in-use", words, remedy),))
    return remove_successor_steps(host, built, about)


def _plan(
    host: Host, facts: Facts, candidate: Candidate, now: datetime, steps: tuple[Step, ...]
) -> Plan:
    minutes = planned_minutes(host, facts, candidate, now.date())
    return Plan(
        host=host.name,
        candidate=candidate.id,
        created_at=now,
        steps=steps,
        effects=candidate.effects,
        risk=candidate.risk,
        outage_window=OutageWindow(
            None if minutes is None else minutes * 60,
            "unknown" if minutes is None else "estimated",
        ),
        changes=candidate.changes,
        model=model([host]).digest,
    )


def _chore(host: Host, facts: Facts, chore: str, now: datetime, hooks: Hooks) -> Plan:
    blockers = list(common_blockers(host, facts))
    if chore in ("repair", "repair:removing") and facts.dpkg_lock is not None:
        # What looks half done may be the very work that goes on now.
        offered = foresee(host, facts, now).candidate("upgrade")
        blockers += [b for b in offered.blockers if b.id == "dpkg-lock"] if offered else []
    _refuse_if_blocked(host, chore, blockers)
    quiet = chore.partition(":")[0] in _QUIET
    changes: tuple[Change, ...] | None = () if quiet else None
    if chore == REMOVE_SNAPSHOTS:
        steps = _removing(host, facts)
    else:
        steps = family(facts.family).steps(host, facts, chore)
    return Plan(
        host=host.name,
        candidate=chore,
        created_at=now,
        steps=steps if quiet else around_steps(host, steps, hooks),
        effects=_NOTHING if quiet else Effects(),
        risk=None,
        outage_window=OutageWindow(0, "estimated") if quiet else OutageWindow(None, "unknown"),
        changes=changes,
        interrupts=not quiet,
    )


def _removing(host: Host, facts: Facts) -> tuple[Step, ...]:
    if not facts.snapshots:
        raise RefusedError(
            f"{host.name} knows of no snapshot that a run had taken of it.",
            hint="One is taken before packages are changed, where the inventory names `snapshot`.",
        )
    steps = tuple(remove_snapshots(host, facts.snapshots))
    if not steps:
        raise RefusedError(
            f"The inventory names no script that removes a snapshot of {host.name}.",
            hint=f'Add snapshot_remove = "..." to [hosts.{host.name}].',
        )
    return steps


def _refuse_if_blocked(host: Host, candidate: str, blockers: Iterable[Blocker]) -> None:
    found = tuple(blockers)
    if found:
        raise BlockedError(host.name, candidate, found)


def _unknown(host: Host, candidate: str, known: list[str]) -> InputError:
    offered = [*known, *CHORES]
    near = difflib.get_close_matches(candidate, offered, n=1)
    meant = f" Did you mean '{near[0]}'?" if near else ""
    return InputError(
        f"{host.name} has no candidate '{candidate}'.{meant}",
        hint=f"There are: {', '.join(offered)}.",
    )
