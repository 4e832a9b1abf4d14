"""The acts of a replacement: each looks, acts only if needed, and looks again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model.plan import Step
from engine.model.replacing import (
    ChecksAct,
    CloseAct,
    CutoverGateAct,
    EndForwardAct,
    EndGateAct,
    ForgetAct,
    FormerAct,
    ForwardAct,
    FreezeAct,
    HoldAct,
    InventoryAct,
    OpenAct,
    PowerOffAct,
    PreflightAct,
    QuietAct,
    ReachAct,
    RecordsAct,
    ReplacingAct,
    ReturnAct,
    SoakAct,
    SpreadAct,
    StartAct,
    SwitchAct,
    SyncAct,
    UnusedAct,
)
from engine.runs.acts.replacing import (
    before,
    data,
    ending,
    forward,
    names,
    outage,
    removal,
    server,
    writing,
)
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError
from engine.runs.observe import Observation

if TYPE_CHECKING:
    from engine.runs.drive import Driver


async def carry_out(driver: Driver, step: Step, act: ReplacingAct, more: bool) -> Observation:
    """To the state of the run after it; ``running`` means that the next phase may begin."""
    hand = Hand(driver, step, more)
    if driver.run.state != "waiting":  # else it is still the same question that waits
        driver.in_hand(step, Observation("running", (f"{step.title}.",)))
        await driver.saved()
    await outage.watch(hand)
    try:
        done = await _act(hand, act)
    except NotDoneError as error:
        observed = Observation(error.state, error.words, error.hint)
        driver.over(step, observed)
        await driver.saved()
        return observed
    if isinstance(done, Observation):
        return done
    driver.over(step, Observation("succeeded", done.words), done.result)
    await driver.saved()
    return Observation("running" if more else "succeeded", done.words)


async def _act(hand: Hand, act: ReplacingAct) -> Done | Observation:
    match act:
        case PreflightAct():
            return await before.preflight(hand, act)
        case FormerAct():
            return server.former(act)
        case ReachAct():
            return await server.reach(hand, act)
        case RecordsAct():
            return await names.records(hand, act)
        case SpreadAct():
            return await names.spread(hand, act)
        case ChecksAct():
            return await server.checks(hand, act)
        case HoldAct():
            return await writing.hold(hand, act)
        case QuietAct():
            return await writing.quiet(hand, act)
        case OpenAct():
            return await data.open_way(hand, act)
        case SyncAct():
            return await data.sync(hand, act)
        case CutoverGateAct():
            return await before.cutover_gate(hand, act)
        case FreezeAct():
            return await writing.freeze(hand, act)
        case SwitchAct():
            return await writing.switch(hand, act)
        case StartAct():
            return await writing.start(hand, act)
        case ReturnAct():
            return await writing.go_back(hand, act)
        case ForwardAct():
            return await forward.begin(hand, act)
        case EndForwardAct():
            return await forward.end(hand, act)
        case CloseAct():
            return await data.close_way(hand, act)
        case InventoryAct():
            return await ending.inventory(hand, act)
        case SoakAct():
            return await ending.soak(hand, act)
        case EndGateAct():
            return await ending.end_gate(hand, act)
        case PowerOffAct():
            return await ending.power_off(hand, act)
        case UnusedAct():
            return await removal.unused(hand, act)
        case ForgetAct():
            return await removal.forget(hand, act)
