"""The steps of a reboot, which are the same for every family of hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from engine.families.guarding import guarded_reboot
from engine.model.facts import Facts, GrubMenu
from engine.model.host import Host
from engine.model.plan import JobAct, RebootAct, Step, VerifyAct
from engine.programs.systemd import is_container

GRUB: Final = "grub.sh"


def reboot_steps(host: Host, facts: Facts) -> tuple[Step, ...]:
    """The host is rebooted, guarded where there is a way back, and it is looked at again."""
    act = RebootAct(
        expected_kernel=_expected_kernel(facts),
        busy=host.busy,
        deadline_s=int(host.deadlines.reboot_s),
    )
    verify = VerifyAct(failed_units_before=facts.failed_units)
    step = Step("reboot", "Reboot, and wait until it has settled", "host", act)
    new_kernel = act.expected_kernel not in (None, facts.kernel.running)
    steps = (
        *guarded_reboot(host, facts, step, new_kernel=new_kernel),
        Step("verify", "Look again: units, containers, checks", "host", verify, reversible=True),
    )
    if facts.kernel.running is None or act.expected_kernel is None or not new_kernel:
        return steps
    return tuple(_booted_once(facts, steps, facts.kernel.running, act.expected_kernel))


def _booted_once(facts: Facts, steps: tuple[Step, ...], running: str, new: str) -> Iterator[Step]:
    """The new kernel is what GRUB boots once, and by itself only when all is well with it."""
    menu = facts.grub
    if menu is None or not {running, new} <= set(menu.releases):
        yield from steps
        return
    if not (menu.saved and menu.writes):
        yield from (_told(step, menu) if step.id == "reboot" else step for step in steps)
        return
    once = JobAct(commands=(("grub_once", running, new),), functions=GRUB)
    back = f"until all is well with {new} every other boot is one of {running}"
    yield Step("boot-once", f"Have GRUB boot {new} once", "host", once, undo=(back,))
    yield from steps
    settle = JobAct(commands=(("grub_settle", new),), functions=GRUB)
    yield Step("boot-default", f"Have GRUB boot {new} by itself", "host", settle)


def _told(step: Step, menu: GrubMenu) -> Step:
    """Why the new kernel isn't only booted once."""
    if not menu.saved:
        why = "GRUB boots the newest kernel whatever becomes of it; GRUB_DEFAULT=saved changes that"
    else:
        why = "GRUB can't write where its environment lies, so it can boot nothing only once"
    return replace(step, undo=(*step.undo, why))


def _expected_kernel(facts: Facts) -> str | None:
    """The kernel that the next boot runs; None: not the host's own, or not known.

    Where nothing says which one boots (the hypervisor brings it, or another deployment is next)
    the running one is no more than a guess.
    """
    if is_container(facts.virtualization):
        return None
    first = next(iter(facts.deployments or ()), None)
    if first is not None and not first.booted:
        return None
    if facts.grub is not None and facts.grub.saved and not facts.grub.newest:
        return None  # somebody has chosen what GRUB boots
    return facts.kernel.expected
