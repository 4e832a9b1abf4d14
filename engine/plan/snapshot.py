"""The snapshot before packages are changed: the only way back from that, where a host has one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from engine.clock import rfc3339
from engine.model.candidate import IN_PLACE
from engine.model.facts import Action, Change, Facts, TakenSnapshot
from engine.model.host import Host
from engine.model.plan import GateAct, PutBackAct, ScriptAct, Step
from engine.model.run import SNAPSHOT, SNAPSHOT_REMOVE, snapshot_name

DEADLINE_S: Final = 1800
"""Seconds for a snapshot: of memory and disk it may take minutes, beyond this somebody looks."""
_BACK: Final[dict[Action, Action]] = {
    "upgrade": "downgrade",
    "downgrade": "upgrade",
    "install": "remove",
    "remove": "install",
}


def with_snapshot(
    host: Host,
    facts: Facts,
    steps: tuple[Step, ...],
    changes: tuple[Change, ...] | None,
    now: datetime,
) -> Iterator[Step]:
    """These steps, and after the last question among them the snapshot; or that there is none.

    Those of former runs that were kept for long enough are removed first.
    """
    first = max((n for n, step in enumerate(steps, 1) if isinstance(step.act, GateAct)), default=0)
    for number, step in enumerate(steps):
        if number == first and host.snapshot is not None:
            yield from remove_snapshots(host, kept_long_enough(host, facts, now))
            yield from _take(host, changes or (), facts)
        if step.id in IN_PLACE and host.snapshot is None:
            without = "no way back but repair: the inventory has no snapshot script for this host"
            yield replace(step, undo=(*step.undo, without))
        else:
            yield step


def kept_long_enough(host: Host, facts: Facts, now: datetime) -> tuple[TakenSnapshot, ...]:
    """Snapshots that are older than the inventory wants them to be kept, the oldest first."""
    until = now - timedelta(seconds=host.snapshot_keep_s)
    return tuple(one for one in facts.snapshots if one.taken_at < until)


def remove_snapshots(host: Host, these: tuple[TakenSnapshot, ...]) -> Iterator[Step]:
    """A step for each, where the inventory says how."""
    if host.snapshot_remove is None:
        return
    for number, one in enumerate(these, 1):
        name = snapshot_name(one.run)
        act = ScriptAct(
            tuple(shlex.split(host.snapshot_remove)), SNAPSHOT_REMOVE, DEADLINE_S, snapshot=one.run
        )
        title = f"Remove the snapshot {name} of {rfc3339(one.taken_at)}"
        yield Step("remove-snapshot" + (f"-{number}" if number > 1 else ""), title,
                   "controller", act)  # fmt: skip


def _take(host: Host, changes: tuple[Change, ...], facts: Facts) -> Iterator[Step]:
    act = ScriptAct(tuple(shlex.split(host.snapshot or "")), SNAPSHOT, DEADLINE_S)
    lost = f"going back to it loses what {host.name} has written since"
    yield Step(SNAPSHOT, f"Take a snapshot of {host.name}", "controller", act, undo=(lost,))
    if host.snapshot_restore is None:
        return
    back = PutBackAct(
        tuple(shlex.split(host.snapshot_restore)),
        DEADLINE_S,
        tuple(_inverse(change) for change in changes),
        facts.failed_units,
        facts.os.codename,
    )
    yield Step("put-back", "If the run ends badly, ask whether the snapshot is put back",
               "controller", back, gate=True, undo=(lost,), always=True)  # fmt: skip


def _inverse(change: Change) -> Change:
    """What must be true of a package again."""
    return replace(
        change,
        action=_BACK[change.action],
        from_version=change.to_version,
        to_version=change.from_version,
    )
