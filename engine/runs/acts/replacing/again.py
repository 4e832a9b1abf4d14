"""What went wrong once the names lead to the successor, or on the way back from it, is asked about.

There a run that simply ended would leave a person with its unfinished rest: an inventory that isn't
rewritten, a server that isn't ended. Each step looks before it acts, so it can be tried again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine import scripts
from engine.model.plan import Step
from engine.model.replacing import CHECK, ReturnAct
from engine.runs.acts import gate
from engine.runs.acts.replacing.outage import switch_steps
from engine.runs.observe import Observation
from engine.runs.phases import SinglePhase
from engine.runs.records import sent
from engine.runs.successor import successor_name

if TYPE_CHECKING:
    from engine.runs.drive import Driver


def is_asked_about(driver: Driver, step: Step, observed: Observation) -> bool:
    """Whether a step that has ended badly is left open, since the store keeps an end for good."""
    return (
        observed.state in ("failed", "attention")
        and observed.reason != (gate.OVERRIDDEN,)
        and driver.hold is not None
        and _stands(driver, step) is not None
    )


async def ask(driver: Driver, phase: SinglePhase, left: Observation) -> Observation | None:
    """What becomes of a step that was left open; None: a person says that it is tried again."""
    step, stands = phase.step, _stands(driver, phase.step) or ""
    if step.always:
        driver.stop_asked = None  # that was obeyed, and has led here
    question = f"Try again: {step.title}?"
    waits = tuple(line for line in (*left.reason, left.hint, stands) if line)
    answer = await gate.ask(driver, step, question, waits, phase.more, closes=False, ends=False)
    driver.record = replace(driver.record, left=None)
    if answer.state == "running":
        await scripts.again(driver.session, driver.run.id, step.id)
        return None
    if answer.state == "cancelled":
        answer = replace(left, state="attention", reason=(*left.reason, stands, *answer.reason))
        driver.end(step, answer)
        await driver.saved()
    return answer


def _stands(driver: Driver, step: Step) -> str | None:
    """How the two servers stand where a failure is asked about; None where it is not."""
    record, old, new = driver.record, driver.host.name, successor_name(driver.record)
    if new is None:
        return None
    if isinstance(step.act, ReturnAct):
        return f"{old} may be frozen until it is back."
    if step.always:
        return None
    switched = [each.id for each in switch_steps(record)]
    over = {state.id for state in driver.run.steps if state.state == "succeeded"}
    moved = any(sent(each) in record.begun or each in over for each in switched)
    if moved or (not switched and CHECK in over):
        return f"The services run on {new}, and names may lead there: nothing goes back by itself."
    return None
