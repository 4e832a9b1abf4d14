"""Which changes could lock the operator out, and the steps that guard them (docs/guard.md).

What a package could break is told by its name, as traits are; the patterns are in ``traits.toml``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, get_args

from engine.families.traits import has_topic
from engine.model.facts import Change, Facts
from engine.model.host import Host
from engine.model.plan import ConfirmAct, EndSpareAct, GuardAct, GuardTopic, SpareAct, Step
from engine.programs.rpm_ostree import next_boot

SPARE: Final = "spare-sshd"
SPARE_PORT: Final = 1022
"""Where Ubuntu's own upgrader puts its second sshd, so that firewalls may know it."""
TOPICS: Final = tuple(topic for topic in get_args(GuardTopic) if topic != "deployment")
"""What packages can break."""

PUT_BACK: Final[dict[GuardTopic, str]] = {
    "ssh": "/etc/ssh with its host keys, authorized_keys of root and of you; restarts sshd",
    "sudo": "/etc/sudoers, /etc/sudoers.d",
    "pam": "/etc/pam.d, /etc/security, /etc/nsswitch.conf",
    "network": (
        "/etc/network, /etc/netplan, /etc/systemd/network, NetworkManager's connections, "
        "/etc/resolv.conf, /etc/hosts; restarts the manager, sets addresses and routes"
    ),
    "firewall": (
        "/etc/nftables.conf, /etc/iptables, /etc/ufw, /etc/default/ufw, /etc/firewalld, and the "
        "rules that the kernel has now"
    ),
    "deployment": "the deployment that runs now, by booting it again",
}
"""What the guard restores, by topic: the same paths as in ``engine/host/guard.sh``."""
CANNOT_UNDO: Final = (
    "a package is not downgraded, another kernel not started; and a host can't see from inside "
    'that its firewall keeps others out (guard = "strict" reverts then, too)'
)

DEPLOYMENT_CANNOT_UNDO: Final = (
    "what the new deployment's services have changed in /var; what was changed in /etc since the "
    "reboot stays with it; one that doesn't start so far as its services puts nothing back; a "
    "program that updates by itself may bring it again"
)
KERNEL: Final = (
    "no guard: configuration that is put back doesn't mend a kernel that fails; the former one is "
    "chosen at the console, as long as it is installed"
)


def topics_of(changes: Sequence[Change]) -> tuple[GuardTopic, ...]:
    """What these changes could lock the operator out by, in a fixed order."""
    return tuple(
        topic for topic in TOPICS if any(has_topic(change.name, topic) for change in changes)
    )


def unavailable(host: Host, facts: Facts) -> str | None:
    """Why this host gets no guard; None where it can have one."""
    if host.guard == "off":
        return "the inventory says so"
    if facts.systemd is not True:
        return "systemd is not PID 1 there"
    return None


def guarded(host: Host, facts: Facts, changes: Sequence[Change], job: Step) -> tuple[Step, ...]:
    """A job with the guard's steps around it, where it needs them and the host can have them."""
    return guarded_for(host, facts, topics_of(changes), job)


def guarded_for(
    host: Host, facts: Facts, topics: tuple[GuardTopic, ...], job: Step
) -> tuple[Step, ...]:
    """The same for a job of which it is known what it could lock the operator out by."""
    if not topics:
        return (job,)
    why_not = unavailable(host, facts)
    if why_not is not None:
        return (_without(job, f"no guard for {', '.join(topics)}: {why_not}"),)
    # Only what the host can't judge from inside is reverted without asking whether it is well.
    strict = host.guard == "strict" and bool({"network", "firewall"} & set(topics))
    guard = _guard(
        f"Guard what could lock us out: {', '.join(topics)}",
        GuardAct(topics, int(host.deadlines.guard_s), strict),
        CANNOT_UNDO,
    )
    return (guard, job, _confirm())


def with_spare_sshd(
    host: Host, steps: Sequence[Step], before: Sequence[str], upgrade: str
) -> tuple[Step, ...]:
    """These steps, with a second way in until the run has ended.

    Args:
        before: Ids of which the first one that is there has it right before.
        upgrade: The step after which a bad end leaves it for whoever mends the host.
    """
    if host.transport != "ssh":
        return tuple(steps)
    at = next(n for n, step in enumerate(steps) if step.id in before)
    spare = Step(
        SPARE, "Start a spare sshd, and connect to it", "host", SpareAct(SPARE_PORT),
        reversible=True,
        undo=("it is stopped when the run has ended; where that is badly, a day after it began",),
    )  # fmt: skip
    gone = Step(
        f"no-{SPARE}", "See that the spare sshd is gone", "host", EndSpareAct(SPARE, upgrade),
        always=True, reversible=True,
    )  # fmt: skip
    return (*steps[:at], spare, *steps[at:], gone)


def guarded_reboot(host: Host, facts: Facts, reboot: Step, *, new_kernel: bool) -> tuple[Step, ...]:
    """A reboot with the guard's steps around it, where a guard could go back.

    That is so for another deployment of an image-based host. Its unit lies in /etc, which a staged
    deployment gets when the host goes down; one that was deployed before has its own already.
    Against another kernel alone the saved configuration would not help.
    """
    pending = next_boot(facts.deployments or ())
    if pending is None:
        return (_without(reboot, KERNEL) if new_kernel else reboot,)
    why_not = unavailable(host, facts)
    if why_not is None and not pending.staged:
        why_not = "the next deployment was not staged, so the guard would not be in its /etc"
    if why_not is not None:
        return (_without(reboot, f"no guard for another deployment: {why_not}"),)
    former = next(d for d in facts.deployments or () if d.booted)
    names = [d.version or (d.checksum or "another")[:12] for d in (pending, former)]
    guard = _guard(
        f"Guard the reboot into {names[0]}; the way back is {names[1]}",
        GuardAct(("deployment",), int(host.deadlines.guard_s), host.guard == "strict"),
        DEPLOYMENT_CANNOT_UNDO,
    )
    return (guard, reboot, _confirm())


def _without(step: Step, why: str) -> Step:
    return replace(step, undo=(*step.undo, why))


def _guard(title: str, act: GuardAct, cannot: str) -> Step:
    return Step(
        id="guard",
        title=title,
        where="host",
        act=act,
        reversible=True,
        undo=(
            *(f"when it fires, it puts back {PUT_BACK[topic]}" for topic in act.topics),
            f"nothing else is taken back: {cannot}",
        ),
        expected_s=5,
    )


def _confirm() -> Step:
    return Step(
        id="confirm",
        title="Come in anew, and take the guard away",
        where="host",
        act=ConfirmAct(guard="guard"),
        expected_s=5,
        always=True,
    )
