"""What works before and after: the baseline, and the look that compares with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from engine import health as room
from engine.model.json_form import from_json, to_json
from engine.model.plan import BaselineAct, Step, VerifyAct
from engine.runs.observe import After, Observation, observe_look
from engine.shell import Command

if TYPE_CHECKING:
    from engine.runs.drive import Driver

SETTLE_S: Final = 60.0
"""Seconds that services get to be as well as before."""


async def take_baseline(driver: Driver, step: Step, act: BaselineAct, more: bool) -> Observation:
    """Note what works now; it changes nothing."""
    driver.in_hand(step, Observation("running", ("What works before is noted.",)))
    found = await driver.asking(
        lambda: room.take(
            driver.transport,
            driver.host,
            act.checks,
            driver.session.clock,
            address=_address(driver),
        )
    )
    failing = tuple(f"before anything was done: {c.shown} fails: {c.detail}" for c in found.checks
                    if c.ok is False)  # fmt: skip
    reason = (_noted(found), *failing)
    driver.over(step, Observation("succeeded", reason), to_json(found))
    await driver.saved()
    return Observation("running" if more else "succeeded", reason)


def _address(driver: Driver) -> str | None:
    """Where http and tcp checks go: the demo's hosts have no network of their own."""
    return "127.0.0.1" if driver.session.demo else None


def _noted(found: room.Health) -> str:
    counts = (
        (found.services, "running services"),
        (found.sockets, "sockets"),
        (found.containers, "containers"),
        (found.mounts, "mounts"),
        (found.checks, "checks"),
    )
    words = (
        f"{len(what)} {name.removesuffix('s') if len(what) == 1 else name}"
        for what, name in counts
        if what is not None
    )
    return f"Noted: {', '.join(words)}"


async def look(driver: Driver, step: Step, act: VerifyAct, more: bool) -> Observation:
    """A look that stands alone: compared with the baseline, and with what was planned."""
    from engine.runs.acts.job import look_after

    driver.in_hand(step, Observation("running", ("The host is being looked at again.",)))
    after = await look_after(driver, step.id, act)
    observed = observe_look(after, more=more)
    ended = observed if observed.state != "running" else replace(observed, state="succeeded")
    driver.over(step, ended)
    return observed


def ended_words(container: str) -> str:
    """A container that nothing starts again, with the command that does; its name is the host's."""
    start = Command.of("docker", "start", container).line()
    return f"Container {container} has ended, and has no restart policy: {start}"


async def added(driver: Driver, act: VerifyAct, after: After) -> After:
    """What was found, with what the baseline adds to it."""
    stored = driver.record.results.get(act.baseline or "")
    if stored is None and act.baseline is not None:
        lost = "What worked before is not known any more, so it was not compared with."
        return replace(after, checked=(*after.checked, lost))
    if stored is None:
        return after
    before = from_json(room.Health, stored)
    difference, _ = await driver.asking(
        lambda: room.settled(
            driver.transport,
            driver.host,
            before,
            act.checks,
            driver.session.clock,
            deadline_s=SETTLE_S,
            address=_address(driver),
        )
    )
    told = set(after.new_failed)
    worse = tuple(line for line in difference.worse if line.rpartition(": ")[2] not in told)
    ended = tuple(ended_words(name) for name in difference.ended)
    well = () if worse else (f"{difference.same} things work as before.",)
    return replace(
        after,
        worse=worse,
        unread=(*after.unread, *difference.unread),
        checked=(*after.checked, *well, *difference.better, *ended),
        stopped=replace(after.stopped, units=difference.units, containers=difference.containers),
    )
