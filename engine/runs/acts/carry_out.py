"""Which way a phase is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model.plan import (
    BaselineAct,
    ConfirmAct,
    EndSpareAct,
    GateAct,
    GuardAct,
    PutBackAct,
    RebootAct,
    ScriptAct,
    SpareAct,
    VerifyAct,
)
from engine.model.run import SNAPSHOT, SNAPSHOT_REMOVE
from engine.runs.acts import gate, guard, health, reboot, replacing, script, snapshot, spare
from engine.runs.acts.job import JobInHand
from engine.runs.acts.replacing import again
from engine.runs.observe import Observation
from engine.runs.phases import JobPhase, Phase, SinglePhase

if TYPE_CHECKING:
    from engine.runs.drive import Driver


async def carry_out(driver: Driver, phase: Phase) -> Observation:
    """To the state of the run after it; ``running`` means that the next phase may begin."""
    if isinstance(phase, JobPhase):
        return await JobInHand(driver, phase).carry_out()
    if not driver.acts:
        return _only_looked_at(phase.more)
    while True:
        observed = driver.record.left or await _single(driver, phase)
        if driver.record.left is None:
            return observed
        ended = await again.ask(driver, phase, observed)
        if ended is not None:
            return ended


async def _single(driver: Driver, phase: SinglePhase) -> Observation:
    step, more = phase.step, phase.more
    match phase.act:
        case GateAct() as act:
            return await gate.pass_through(driver, step, act, more)
        case BaselineAct() as act:
            return await health.take_baseline(driver, step, act, more)
        case VerifyAct() as act:
            return await health.look(driver, step, act, more)
        case RebootAct() as act:
            return await reboot.reboot(driver, step, act, more)
        case GuardAct() as act:
            return await guard.arm(driver, step, act, more)
        case ConfirmAct() as act:
            return await guard.end_alone(driver, step, act, more)
        case SpareAct() as act:
            return await spare.start(driver, step, act, more)
        case EndSpareAct() as act:
            return await spare.end(driver, step, act, more)
        case ScriptAct(event=event) as act if event == SNAPSHOT:
            return await snapshot.take(driver, step, act, more)
        case ScriptAct(event=event) as act if event == SNAPSHOT_REMOVE:
            return await snapshot.remove(driver, step, act, more)
        case PutBackAct() as act:
            return await snapshot.put_back(driver, step, act)
        case ScriptAct() as act:
            return await script.run(driver, step, act, more)
        case _ as act:
            return await replacing.carry_out(driver, step, act, more)


def _only_looked_at(more: bool) -> Observation:
    if more:
        return Observation("running", ("What its own hostshift does now is not seen from here.",))
    return Observation("unknown", ("How it ended is known to its own hostshift.",))
