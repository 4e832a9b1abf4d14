"""Arming a guard, asking for it, ending it: one bounded exchange with the host each.

All of them are harmless when done twice, and raise as `Transport.run` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import RefusedError
from engine.guard.state import GuardState, read_state
from engine.jobs.answers import ask, first_word, locked
from engine.jobs.layout import OTHERS, checked_id
from engine.jobs.script import json_fields, shipped, with_call
from engine.model.host import Host
from engine.model.plan import GuardAct
from engine.transport.protocol import Transport

NO_SYSTEMD = 22
"""Exit status of guard.sh: systemd is not PID 1."""
GUARDIAN = ("guardian_test.sh", "guardian_back.sh", "guardian_deployment.sh", "guardian.sh")
"""The parts of the guard itself, as one script in this order."""
SETTLE_S = 60
"""Seconds within which the host's own test must pass once, or half the guard's deadline where
that is less. A judgement: services that restart and a gateway that changes over are back within a
minute."""


@dataclass(frozen=True, slots=True)
class Armed:
    """A guard that is on watch, or was found as it is.

    Attributes:
        found: It had been armed before; its state says whether it waits still.
    """

    found: bool
    state: GuardState


async def arm(
    transport: Transport,
    host: Host,
    run: str,
    step: str,
    act: GuardAct,
    fields: Mapping[str, str],
    *,
    settle_s: int | None = None,
) -> Armed:
    """Save what the topics cover and set the guard on watch, or find that this was done.

    Args:
        fields: Strings for ``guard.json``, as for a job's ``job.json``.
        settle_s: Seconds within which the host's own test must pass once; None: see `SETTLE_S`.

    Raises:
        LockedError: the host's lock isn't this run's.
        RefusedError: systemd is not PID 1 there.
    """
    script = with_call(
        "guard.sh",
        "arm",
        checked_id(run),
        checked_id(step),
        " ".join(act.topics),
        str(act.deadline_s),
        str(min(SETTLE_S, act.deadline_s // 2) if settle_s is None else settle_s),
        "yes" if act.strict else "no",
        json_fields({"run": run, "step": step, **fields}),
        "".join(shipped(part) for part in GUARDIAN),
        before=shipped("on_watch.sh"),
    )
    done = await ask(transport, host, script)
    if done.exit_status == OTHERS:
        raise locked(host, done)
    if done.exit_status == NO_SYSTEMD:
        raise RefusedError(
            f"A guard needs systemd as PID 1, which {host.name} has not.",
            hint='Set guard = "off" for this host in the inventory, and have its console at hand.',
        )
    return Armed(first_word(done) == "found", read_state(done.stdout))


async def confirm(transport: Transport, host: Host, run: str, step: str) -> GuardState:
    """Confirm over a new connection, and take the guard away; says truthfully if it ended before.

    The connection that there is proves nothing: sshd keeps sessions that it would not give again.
    """
    await transport.forget(host.name)
    return await _call(transport, host, "confirm", run, step)


async def look(transport: Transport, host: Host, run: str, step: str) -> GuardState:
    """How a guard stands. Changes nothing on the host."""
    return await _call(transport, host, "look", run, step)


async def withdraw(transport: Transport, host: Host, run: str, step: str) -> GuardState:
    """Take a guard away because nothing was done that it would guard, unless it has ended."""
    return await _call(transport, host, "withdraw", run, step)


async def _call(transport: Transport, host: Host, verb: str, run: str, step: str) -> GuardState:
    script = with_call(
        "guard.sh", verb, checked_id(run), checked_id(step), before=shipped("on_watch.sh")
    )
    return read_state((await ask(transport, host, script)).stdout)
