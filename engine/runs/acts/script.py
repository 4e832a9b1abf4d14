"""Scripts of the inventory on this machine: hooks, and the word to those who must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import scripts
from engine.model.plan import ScriptAct, Step
from engine.runs.observe import Observation

if TYPE_CHECKING:
    from engine.runs.drive import Driver


async def run(driver: Driver, step: Step, act: ScriptAct, more: bool) -> Observation:
    """Start the script, or find it, and follow it to its end."""
    session, run_id = driver.session, driver.run.id
    driver.in_hand(step, Observation("running", (f"The {act.event} script runs here.",)))
    await driver.saved()
    what = "begins" if act.event == "before" else "ended"
    told = scripts.event(act.event, driver.run, step.id, what, driver.now())
    variables = scripts.environment(run_id, driver.host)
    try:
        await scripts.start(session, run_id, step.id, act, told, variables)
    except scripts.NotStartedError as error:
        observed = Observation("failed", (error.message,), error.hint)
        driver.over(step, observed)
        return observed
    stopping = False
    while True:
        if driver.stop_asked is not None and act.event == "before" and not stopping:
            stopping = True
            await scripts.stop(session, run_id, step.id)
        seen = await scripts.follow(session, run_id, step.id, seconds=2)
        result = scripts.judge(act, seen, scripts.tail(session, run_id, step.id))
        if result.state not in ("planned", "running"):
            break
        if driver.acts:
            await driver.beat(step.id)
    reason = result.reason or ("The script ended with exit status 0.",)
    observed = Observation(result.state, reason, result.hint)
    driver.over(step, observed, {"exit_status": result.exit_status})
    if result.state == "succeeded":
        return Observation("running" if more else "succeeded", reason)
    return observed


async def notify(driver: Driver, what: str) -> None:
    """Tell the inventory's notify script; its failure is named and changes nothing."""
    await driver.saved()
    why = await scripts.notify(driver.session, driver.run, what)
    if why is not None:
        driver.remark(why)
