"""The dead-man switch around what could lock us out: armed before, confirmed anew after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from engine import guard as room
from engine.errors import HostOutputError, HostshiftError, RefusedError
from engine.guard import GuardState
from engine.model.plan import ConfirmAct, GuardAct, Step
from engine.runs.errors import CannotStartError, NoAnswerError
from engine.runs.observe import Observation, observe_guard

if TYPE_CHECKING:
    from engine.runs.drive import Driver

TRIES: Final = 3
"""How often arming is tried when the host can't do it."""
Ask = Callable[[], Awaitable[GuardState]]
POLL_S: Final = 2.0
PUT_BACK_S: Final = 1200
"""Seconds that a guard which has fired gets to put everything back: ten minutes for another
deployment, ten for the reboot into it."""


async def arm(driver: Driver, step: Step, act: GuardAct, more: bool) -> Observation:
    """Arm it; without it nothing is begun."""
    if driver.resumed and not driver.acted:
        why = "hostshift ended before that which it would guard; nothing was changed."
        driver.over(step, Observation("cancelled", (why,)))
        hint = "Plan again and confirm, if it is still wanted."
        return Observation("cancelled", (why,), hint)
    driver.in_hand(step, Observation("running", ("The guard is being armed.",)))
    # Also where its answer is lost it may stand on the host, and must be taken away.
    driver.begun(step.id)
    driver.keep(driver.run)
    await driver.saved()
    try:
        state = await driver.asking(_arming(driver, step, act))
    except CannotStartError as error:
        words = f"The guard could not be armed, so nothing was changed: {error.message}"
        observed = Observation("failed", (words,), error.hint)
        driver.over(step, observed)
        return observed
    asks = ", ".join(state.tests) or "nothing that can be asked here"
    reason = (
        room.verdict(state),
        f"The host's own test asks: {asks}.",
        *(f"It could not save {path}." for path in state.unsaved),
    )
    if not _on_watch(state):
        observed = Observation("failed", (*reason, "Nothing was changed."))
        driver.over(step, observed)
        return observed
    driver.over(step, Observation("succeeded", reason))
    await driver.saved()
    return Observation("running" if more else "succeeded", reason)


def _arming(driver: Driver, step: Step, act: GuardAct) -> Ask:
    failed = 0

    async def once() -> GuardState:
        nonlocal failed
        fields = driver.fields()
        try:
            armed = await room.arm(
                driver.transport, driver.host, driver.run.id, step.id, act, fields
            )
        except RefusedError as error:
            raise CannotStartError(error.message, hint=error.hint) from error
        except HostOutputError as error:
            failed += 1
            if failed < TRIES:
                raise
            raise CannotStartError(error.message, hint=error.hint) from error
        return armed.state

    return once


def _on_watch(state: GuardState) -> bool:
    return state.state == "armed" and state.watching is not False


async def must_watch(driver: Driver, act: ConfirmAct) -> None:
    """Look right before what is guarded begins.

    Raises:
        CannotStartError: the guard that was armed is not on watch any more.
    """
    if act.guard not in driver.record.begun:
        return
    state = await room.look(driver.transport, driver.host, driver.run.id, act.guard)
    if not _on_watch(state):
        raise CannotStartError(
            f"The guard was no longer on watch: {room.verdict(state)}",
            hint="Plan again and confirm, if it is still wanted.",
        )


async def end(driver: Driver, step: Step, act: ConfirmAct, *, begun: bool) -> GuardState | None:
    """Take the guard away, over a new connection; how it has ended, or None where there was none.

    Args:
        begun: Something was done that it guards; otherwise nobody need confirm anything.
    """
    look = partial(room.look, driver.transport, driver.host, driver.run.id, act.guard)
    if not driver.acts:
        # To end it is for the run's own hostshift; what it has done is true for everybody.
        state = await driver.asking(look)
        return state if state.state in ("fired", "stood-down") else None
    if act.guard not in driver.record.begun:
        driver.over(step, _NONE)
        return None
    driver.in_hand(step, Observation("running", ("The host is reached over a new connection.",)))
    call = room.confirm if begun else room.withdraw
    ask = partial(call, driver.transport, driver.host, driver.run.id, act.guard)
    state = await driver.asking(_patient(driver, act, ask))
    monotonic = driver.session.clock.monotonic
    until = monotonic() + PUT_BACK_S
    while state.state == "fired" and state.healthy is None and monotonic() < until:
        driver.in_hand(step, Observation("running", (room.verdict(state),)))
        await driver.sleep(POLL_S)
        state = await driver.asking(look)
    was_armed = any(s.id == act.guard and s.state == "succeeded" for s in driver.run.steps)
    if state.state == "missing" and not was_armed:
        driver.over(step, _NONE)
        return None
    driver.over(step, observe_guard(state, begun=begun))
    return state


def _patient(driver: Driver, act: ConfirmAct, ask: Ask) -> Ask:
    """Ask a host for no longer than its guard needs to go back, where the run's end is decided.

    That is so for a host that did not come back from its reboot in time.
    """
    if driver.record.verdict is None:
        return ask
    acts = (step.act for step in driver.record.plan.steps if step.id == act.guard)
    deadline_s = next((a.deadline_s for a in acts if isinstance(a, GuardAct)), 0)
    monotonic = driver.session.clock.monotonic
    until = monotonic() + deadline_s + PUT_BACK_S

    async def once() -> GuardState:
        try:
            return await ask()
        except HostshiftError as error:
            if monotonic() < until:
                raise
            raise NoAnswerError(error.message, hint=error.hint) from error

    return once


async def end_alone(driver: Driver, step: Step, act: ConfirmAct, more: bool) -> Observation:
    """Take away a guard that stands around something else than a job, or that is left."""
    begun = driver.acted
    try:
        state = await end(driver, step, act, begun=begun)
    except NoAnswerError as error:
        why = "Whether the host's guard has gone back is not known: the host can't be asked."
        silent = Observation("attention", (why, error.message), error.hint)
        driver.over(step, silent)
        driver.unreachable = None  # what is left to do is done without the host
        return silent
    gone_on = Observation("running" if more else "succeeded")
    if state is None:
        return gone_on
    own = observe_guard(state, begun=begun)
    if own.state in ("attention", "rolled-back"):
        return own
    return replace(gone_on, reason=own.reason)


_NONE: Final = Observation("cancelled", ("No guard was armed.",))
