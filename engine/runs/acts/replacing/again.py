"""What went wrong once the names lead to the successor, or on the way back from it, is asked about.

There a run that simply ended would leave a person with its unfinished rest: an inventory that isn't
rewritten, a server that isn't ended. Each step looks before it acts, so it can be tried again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine import scripts
from engine.model.replacing import CHECK, ReturnAct
from engine.runs.acts import gate
from engine.runs.acts.replacing.names import sent
from engine.runs.acts.replacing.outage import switch_steps
from engine.runs.observe import Observation
from engine.runs.phases import SinglePhase
from engine.runs.successor import successor_name

if TYPE_CHECKING:
    from engine.runs.drive import Driver


async def asked(driver: Driver, phase: SinglePhase, observed: Observation) -> Observation | None:
    """What becomes of a step that has ended badly; None: a person says that it is tried again."""
    if observed.state not in ("failed", "attention") or observed.reason == (gate.OVERRIDDEN,):
        return observed
    stands = _stands(driver, phase)
    if stands is None:
        return observed
    step, hint = phase.step, (observed.hint,) if observed.hint else ()
    if step.always:
        driver.stop_asked = None  # that was obeyed, and has led here
    question = f"Try again: {step.title}?"
    waits = (*observed.reason, *hint, stands)
    answer = await gate.ask(driver, step, question, waits, phase.more, closes=False)
    if answer.state == "running":
        await scripts.again(driver.session, driver.run.id, step.id)
        return None
    reason = observed.reason if answer.state == "cancelled" else ()
    ended = replace(observed, state="attention", reason=(*reason, stands, *answer.reason))
    driver.over(step, ended)
    await driver.saved()
    return ended


def _stands(driver: Driver, phase: SinglePhase) -> str | None:
    """How the two servers stand where a failure is asked about; None where it is not."""
    record, old, new = driver.record, driver.host.name, successor_name(driver.record)
    if new is None or driver.hold is None:
        return None
    if isinstance(phase.act, ReturnAct):
        return f"{old} may be frozen until it is back."
    if phase.step.always:
        return None
    switched = [step.id for step in switch_steps(record)]
    over = {step.id for step in driver.run.steps if step.state == "succeeded"}
    moved = any(sent(step) in record.begun or step in over for step in switched)
    if moved or (not switched and CHECK in over):
        return f"The services run on {new}, and names may lead there: nothing goes back by itself."
    return None
