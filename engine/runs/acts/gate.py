"""A gate: the run waits for a person, or for the maintenance window; the host keeps its claim."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from engine.clock import rfc3339
from engine.errors import HostshiftError
from engine.inventory import windows
from engine.jobs import lock
from engine.jobs.mirror import read
from engine.jobs.start import keep_plan
from engine.model.host import Host
from engine.model.plan import GateAct, Step
from engine.programs.apt_forecast import forecast
from engine.runs.observe import Observation
from engine.runs.records import Record

if TYPE_CHECKING:
    from engine.runs.drive import Driver

POLL_S: Final = 0.5
SHOWN_BYTES: Final = 4 * 1024 * 1024
"""How much of a job's log is read for what it has foreseen."""
OVERRIDDEN: Final = (
    "Another run has acted on the host while this one waited, or its claim was broken: what was "
    "planned may not be true any more."
)
_NO_PLACE: Final = "As many runs act as may; it goes on when one of them has ended or waits."
GO_ON: Final = "go-on"
END: Final = "end"
T = TypeVar("T")


def topic(record: Record) -> str:
    """The topic of the messages that answer the question that was asked last."""
    return f"answer:{record.asked}"


async def pass_through(driver: Driver, step: Step, act: GateAct, more: bool) -> Observation:
    """Wait until the gate opens, or the run ends at it."""
    window = windows.parse(act.window) if act.window else None
    # A window is a person's hours: it follows the wall clock, back as well.
    now = driver.session.clock.now()
    asked = driver.run.state == "waiting"  # then the host has a claim, which must be a lock again
    if window is not None and window.contains(now) and not asked:
        return _opened(driver, step, more, f"The maintenance window {act.window} is open.")
    since = _begun(driver, step) or driver.now()
    until = since + timedelta(seconds=act.deadline_s) if act.deadline_s is not None else None
    waits = [f"Waits since {rfc3339(since)} for a person."]
    if window is not None:
        waits.append(f"Opens by itself with the window, {rfc3339(window.next_opening(now))}.")
    if until is not None:
        waits.append(f"Nothing more is done after {rfc3339(until)}.")
    if act.shows is not None:
        waits += forecast(read(driver.logs.path(driver.run.id, act.shows), 0, SHOWN_BYTES))

    def open_by_itself() -> str | None:
        if window is not None and window.contains(driver.session.clock.now()):
            return f"The maintenance window {act.window} has opened."
        return None

    return await ask(
        driver, step, act.question, tuple(waits), more, until=until, opens=open_by_itself
    )


async def ask(
    driver: Driver,
    step: Step,
    question: str,
    waits: tuple[str, ...],
    more: bool,
    *,
    until: datetime | None = None,
    opens: Callable[[], str | None] = lambda: None,
    told: Callable[[], tuple[str, ...]] = tuple,
    closes: bool = True,
    ends: bool = True,
    by_itself: bool = False,
    needs: bool = True,
) -> Observation:
    """Ask a person and wait for the answer, however long it takes.

    Args:
        until: Nothing more is done after this moment.
        opens: Why there is nothing to ask any more; None while there is.
        told: What is known by now beside the question; told anew when it changes.
        closes: The step is over with the answer to go on.
        ends: The step is over with the answer to end.
        by_itself: Nobody has to answer: it is a wait that a person may end before its time.
        needs: The host must have the claim; else it is told if it answers, as it may never again.

    Returns:
        ``running`` (or ``succeeded`` at the plan's end) when the answer is to go on; ``cancelled``
        when it is to end here, or nobody answered by ``until``; ``attention`` when another run
        has acted on the host over this one's claim.
    """
    run = driver.run
    if run.state != "waiting":
        driver.asks()
    hint = f"hostshift answer {run.id} {GO_ON}, or: hostshift answer {run.id} {END}"
    # The claim comes first: who sees that the run waits may close hostshift in the same moment. And
    # before it the plan, without which nobody could take the claim up again who has lost the store.
    if driver.host in driver.hosts:  # one that is switched off keeps nothing
        keep = partial(keep_plan, driver.transport, driver.host, run.id, driver.record.plan)
        await _heard(driver, keep, driver.host, needs=needs)
    for host in driver.hosts:
        claim = partial(lock.wait_at_gate, driver.transport, host, run.id, step.id)
        await _heard(driver, claim, host, needs=needs)

    def tell() -> None:
        driver.in_hand(step, Observation("waiting", (question, *waits, *told()), hint, question))

    tell()
    await driver.saved()
    if not by_itself:
        await driver.notify("gate")
        driver.at_gate = True
    try:
        return await _answered(
            *(driver, step, more),
            until=until, opens=opens, tell=tell, closes=closes, ends=ends, needs=needs,
        )  # fmt: skip
    finally:
        driver.at_gate = False


async def _answered(
    driver: Driver,
    step: Step,
    more: bool,
    *,
    until: datetime | None,
    opens: Callable[[], str | None],
    tell: Callable[[], None],
    closes: bool,
    ends: bool,
    needs: bool,
) -> Observation:
    run = driver.run
    number = driver.record.plan.steps.index(step) + 1

    def ended(why: str) -> Observation:
        return _ended(driver, step, why) if ends else Observation("cancelled", (why,))

    while True:
        why = opens()
        if why is None and driver.hold is not None:
            message = await driver.hold.take(topic(driver.record), number)
            if message is not None:
                words = str(message.body.get("words") or "")
                said = f"{message.sender} answered" + (f": {words}" if words else ".")
                if message.body.get("answer") != GO_ON:
                    return ended(said)
                why = said
        if why is not None:
            break
        if driver.stop_asked is not None:
            return ended(driver.stop_asked)
        if until is not None and driver.now() >= until:
            return ended(f"Nobody answered until {rfc3339(until)}.")
        tell()
        await asyncio.sleep(POLL_S)
    if driver.hold is not None and not await driver.hold.act_again(driver.at_once):
        driver.in_hand(step, Observation("waiting", (why, _NO_PLACE)))
        while not await driver.hold.act_again(driver.at_once):
            await driver.sleep(POLL_S)
    resumed = [
        await _heard(
            driver, partial(lock.resume, driver.transport, host, run.id, step.id), host, needs=needs
        )
        for host in driver.hosts
    ]
    if False in resumed:
        lost = Observation("attention", (OVERRIDDEN,), "Look at the host, then plan again.")
        driver.over(step, lost)
        return lost
    driver.resumed = False  # what follows was confirmed in this life
    if not closes:
        return Observation("running", (why,))
    return _opened(driver, step, more, why)


async def _heard(
    driver: Driver, tell: Callable[[], Awaitable[T]], host: Host, *, needs: bool
) -> T | None:
    """Its answer; None where it gives none and needn't."""
    if needs:
        return await driver.asking(tell, silent=True, host=host)
    try:
        return await tell()
    except HostshiftError:
        return None


def _opened(driver: Driver, step: Step, more: bool, why: str) -> Observation:
    driver.over(step, Observation("succeeded", (why,)))
    return Observation("running" if more else "succeeded", (why,))


def _ended(driver: Driver, step: Step, why: str) -> Observation:
    driver.over(step, Observation("cancelled", (why,)))
    done = [s.title for s in driver.run.steps if s.state == "succeeded" and s.id != step.id]
    before = f"Done before: {'; '.join(done)}." if done else "Nothing was changed."
    return Observation("cancelled", (why, f"The run ended at the gate: {step.title}.", before))


def _begun(driver: Driver, step: Step) -> datetime | None:
    return next(s.started_at for s in driver.run.steps if s.id == step.id)
