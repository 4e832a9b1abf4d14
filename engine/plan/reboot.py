"""The steps of a reboot, which are the same for every family of hosts."""

from __future__ import annotations

from engine.families.booting import booted_once
from engine.families.guarding import guarded_reboot
from engine.model.facts import Facts
from engine.model.host import Host
from engine.model.plan import RebootAct, Step, VerifyAct
from engine.programs.systemd import is_container


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
    return booted_once(facts, steps, act.expected_kernel) if new_kernel else steps


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
