"""A reboot: asked about when something speaks against it, and counted only when it is proven."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from engine import reboot as room
from engine.clock import rfc3339
from engine.errors import HostshiftError, NeedsPersonError, RefusedError
from engine.jobs.answers import LockedError
from engine.model.plan import RebootAct, Step
from engine.reboot import Back, Refusal, RefusalId
from engine.runs.acts.gate import ask
from engine.runs.observe import Observation, out_of_reach

if TYPE_CHECKING:
    from engine.runs.drive import Driver

POLL_S: Final = 2.0
"""Seconds between two looks at a host that reboots."""
LOOK_S: Final = 10.0
"""Seconds for one look: a connection to a host that went down answers nothing, and says nothing."""
TIMES: Final = 3
"""How often a person is asked about what speaks against it, before the run ends."""


async def reboot(driver: Driver, step: Step, act: RebootAct, more: bool) -> Observation:
    """Look whether it may be, give the word at most once, wait for the proof."""
    verdict = None
    overridden: set[RefusalId] = set()
    for _ in range(TIMES):
        since = driver.record.begun.get(step.id) or await _begin(
            driver, step, act, more, overridden
        )
        if isinstance(since, Observation):
            return since
        verdict = await _wait(driver, step, act, since)
        if verdict is not None:
            break
    else:
        why = f"The host was told to reboot {TIMES} times, answered none, and knows of none."
        verdict = Observation("attention", (why,), "Look at the host's load and its disk.")
    driver.over(step, verdict)
    await driver.saved()
    if verdict.state == "succeeded" and more:
        return Observation("running", verdict.reason)
    return verdict


async def _begin(
    driver: Driver, step: Step, act: RebootAct, more: bool, overridden: set[RefusalId]
) -> Observation | datetime:
    """Why the word is not given, else when it was; whether it arrived is for `_wait` to see."""
    run = driver.run.id
    if driver.resumed:
        # Its hostshift may have died between giving the word and noting it.
        back = await driver.asking(
            lambda: room.look_back(driver.transport, driver.host, run, step.id)
        )
        if back.record is not None:
            begun_at = driver.begun(step.id)
            driver.keep(driver.run)
            return begun_at
        if not _answered_lately(driver, step):
            why = "hostshift ended before the reboot was begun; the host was not rebooted."
            return _cancelled(driver, step, why)
    against: list[Refusal] = []
    for _ in range(TIMES):
        driver.in_hand(step, Observation("running", ("What speaks against it is looked at.",)))
        ready = await driver.asking(lambda: room.readiness(driver.transport, driver.host, run, act))
        against = [r for r in room.stands_against(ready) if r.id not in overridden or _hard(r)]
        if against:
            asked = await _ask(driver, step, against, more)
            if asked.state not in ("running", "succeeded"):
                return asked
            overridden |= {r.id for r in against}
            if any(_hard(r) for r in against):
                continue  # looked at again: what is at work must have ended by itself
        driver.in_hand(step, Observation("running", ("The host is told to reboot.",)))
        await driver.saved()
        asked_at = driver.now()
        try:
            begun = await room.begin(driver.transport, driver.host, run, step.id, driver.fields())
        except LockedError as error:
            return _cancelled(driver, step, error.message)
        except HostshiftError:
            # A host that goes down may take its answer with it: `_wait` asks what it knows.
            await driver.transport.forget(driver.host.name)
            return asked_at
        if begun.how != "refused":
            begun_at = driver.begun(step.id)
            driver.keep(driver.run)
            await driver.saved()
            return begun_at
        against = list(begun.refusals)
    why = "It was still at work: " + "; ".join(r.message for r in against)
    return _cancelled(driver, step, f"The host was not rebooted. {why}")


async def _ask(driver: Driver, step: Step, against: Sequence[Refusal], more: bool) -> Observation:
    what = "; ".join(r.message for r in against)
    hard = any(_hard(r) for r in against)
    question = (
        f"Reboot {driver.host.name} once that has ended?"
        if hard
        else f"Reboot {driver.host.name} all the same?"
    )
    return await ask(driver, step, f"{what} {question}", (), True, closes=False)


def _hard(refusal: Refusal) -> bool:
    from engine.reboot.values import HARD

    return refusal.id in HARD


async def _wait(driver: Driver, step: Step, act: RebootAct, since: datetime) -> Observation | None:
    """Until the host has proven it, or its time is over; None when the word has not reached it."""
    last_seen: str | None = None
    # From here on by the clock that nobody sets: one that is put ahead must not give the host up.
    monotonic = driver.session.clock.monotonic
    begun = monotonic() - (driver.now() - since).total_seconds()
    while True:
        back: Back | None = None
        try:
            async with asyncio.timeout(LOOK_S):
                back = await room.look_back(driver.transport, driver.host, driver.run.id, step.id)
        except (NeedsPersonError, RefusedError) as error:
            # It is up, and doesn't let us in: that is for a person, whatever time it takes.
            driver.in_hand(step, out_of_reach(f"{error.message} ({error.hint})"))
            await driver.sleep(POLL_S)
            continue
        except (HostshiftError, TimeoutError):
            # Down is what it should be; a connection that is half dead must not hide its return.
            await driver.transport.forget(driver.host.name)
        else:
            last_seen = f"{room.shown(back)} at {rfc3339(driver.now())}"
            if step.id not in driver.record.begun:
                if back.record is None:
                    return None
                driver.begun(step.id)
                driver.keep(driver.run)
        verdict = room.judge(
            None,
            back,
            act,
            units_before=None,  # the host has noted itself what ran
            waited_s=monotonic() - begun,
            last_seen=last_seen,
            console=driver.host.console,
        )
        observed = Observation(verdict.state, verdict.reason, verdict.hint)
        if observed.state != "running":
            return observed
        driver.in_hand(step, observed)
        await driver.sleep(POLL_S)


def _cancelled(driver: Driver, step: Step, why: str) -> Observation:
    driver.over(step, Observation("cancelled", (why,)))
    return Observation("cancelled", (why,))


def _answered_lately(driver: Driver, step: Step) -> bool:
    """A person's answer at this step's own question is still to be taken: that is their word."""
    return driver.run.state == "waiting"
