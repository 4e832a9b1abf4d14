"""The inventory's hooks as steps of a plan, so that they are shown, confirmed and journalled."""

from __future__ import annotations

import shlex
from typing import Literal

from engine.inventory.value import Hooks
from engine.model.plan import ScriptAct, Step

BEFORE, AFTER = "before", "after"
"""Ids of the steps."""


def hook(hooks: Hooks, event: Literal["before", "after", "notify"]) -> ScriptAct | None:
    """What a hook runs; None where the inventory has none for this event."""
    line: str | None = getattr(hooks, event)
    return None if line is None else ScriptAct(tuple(shlex.split(line)), event, hooks.deadline_s)


def with_hooks(steps: tuple[Step, ...], hooks: Hooks) -> tuple[Step, ...]:
    """The steps of a plan that acts, between the hooks that the inventory has.

    The one before comes first of all: if it fails, nothing was touched. The one after is carried
    out at every end of a run in which something was begun.
    """
    before, after = hook(hooks, "before"), hook(hooks, "after")
    if before is not None:
        steps = (Step(BEFORE, "Run the hook before", "controller", before), *steps)
    if after is not None:
        steps = (*steps, Step(AFTER, "Run the hook after", "controller", after, always=True))
    return steps
