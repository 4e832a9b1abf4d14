"""The snapshot before packages are changed: the only way back from that, where a host has one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from engine.model.candidate import IN_PLACE
from engine.model.host import Host
from engine.model.plan import GateAct, ScriptAct, Step
from engine.model.run import SNAPSHOT

DEADLINE_S: Final = 1800
"""Seconds for a snapshot: of memory and disk it may take minutes, beyond this somebody looks."""


def with_snapshot(host: Host, steps: tuple[Step, ...]) -> Iterator[Step]:
    """These steps, and after the last question among them the snapshot; or that there is none."""
    first = max((n for n, step in enumerate(steps, 1) if isinstance(step.act, GateAct)), default=0)
    for number, step in enumerate(steps):
        if number == first and host.snapshot is not None:
            act = ScriptAct(tuple(shlex.split(host.snapshot)), SNAPSHOT, DEADLINE_S)
            lost = f"going back to it loses what {host.name} has written since"
            yield Step(SNAPSHOT, f"Take a snapshot of {host.name}", "controller", act, undo=(lost,))
        if step.id in IN_PLACE and host.snapshot is None:
            without = "no way back but repair: the inventory has no snapshot script for this host"
            yield replace(step, undo=(*step.undo, without))
        else:
            yield step
