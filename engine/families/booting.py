"""A new kernel that GRUB boots once, and by itself only when all is well with it (docs/runs.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from engine.model.facts import Facts, GrubMenu
from engine.model.plan import JobAct, Step

_FUNCTIONS: Final = "grub.sh"


def booted_once(facts: Facts, steps: Sequence[Step], new: str | None) -> tuple[Step, ...]:
    """A reboot with what comes after it, the new kernel first on trial where GRUB can do that.

    Args:
        steps: From the reboot to the look that proves the host well.
        new: The new kernel's release; None: whichever is the newest by then.
    """
    menu, running = facts.grub, facts.kernel.running
    if menu is None or running is None or not {running, new or running} <= set(menu.releases):
        return tuple(steps)
    if new is None and not menu.newest:
        return tuple(steps)  # somebody has chosen what GRUB boots
    if not (menu.saved and menu.writes):
        return tuple(_told(step, menu) if step.id == "reboot" else step for step in steps)
    words = (running,) if new is None else (running, new)
    name = new or "the newest kernel"
    return (
        Step(
            "boot-once", f"Have GRUB boot {name} once", "host",
            JobAct(commands=(("grub_once", *words),), functions=_FUNCTIONS),
            undo=(f"until all is well with {name} every other boot is one of {running}",),
        ),
        *steps,
        Step(
            "boot-default", f"Have GRUB boot {name} by itself", "host",
            JobAct(commands=(("grub_settle",),), functions=_FUNCTIONS),
        ),
    )  # fmt: skip


def _told(step: Step, menu: GrubMenu) -> Step:
    """Why the new kernel isn't only booted once."""
    if not menu.saved:
        why = "GRUB boots the newest kernel whatever becomes of it; GRUB_DEFAULT=saved changes that"
    else:
        why = "GRUB can't write where its environment lies, so it can boot nothing only once"
    return replace(step, undo=(*step.undo, why))
