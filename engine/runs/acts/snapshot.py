"""The snapshot of a machine: taken before packages are changed, put back when that went badly.

The host remembers which there may be (engine/host/snapshots.sh). It is told before one is taken,
so one that is put back still knows of itself.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from engine.errors import HostOutputError
from engine.model.plan import PutBackAct, ScriptAct, Step, VerifyAct
from engine.model.run import SNAPSHOT, SNAPSHOT_RESTORE, snapshot_name
from engine.runs.acts import gate, script
from engine.runs.acts.job import look_after
from engine.runs.observe import Observation
from engine.runs.snapshot import taken, way_back
from engine.shell import Script

if TYPE_CHECKING:
    from engine.runs.drive import Driver

SHORT_S: Final = 30
ANSWER: Final = timedelta(days=7)
"""How long a person may think about it, while others act on the host only by name."""
BADLY: Final = ("failed", "attention")


async def take(driver: Driver, step: Step, act: ScriptAct, more: bool) -> Observation:
    """Have the host remember it, then have it taken."""
    noted = await driver.asking(partial(_remember, driver, "note", driver.run.id))
    observed = await script.run(driver, step, act, more)
    if not noted:
        driver.remark("The host could not write down that there is a snapshot of it.")
    if observed.state not in ("running", "succeeded", "unknown"):
        await driver.asking(partial(_remember, driver, "drop", driver.run.id), silent=True)
    return observed


async def remove(driver: Driver, step: Step, act: ScriptAct, more: bool) -> Observation:
    """Remove one that was kept for long enough; where that fails nothing waits for it."""
    observed = await script.run(driver, step, act, more)
    if observed.state in ("running", "succeeded"):
        await driver.asking(partial(_remember, driver, "drop", act.snapshot or ""), silent=True)
    elif observed.state == "failed" and any(s.id == SNAPSHOT for s in driver.record.plan.steps):
        return Observation("running", observed.reason)
    return observed


async def put_back(driver: Driver, step: Step, act: PutBackAct) -> Observation:
    """Ask whether the snapshot is put back, where the run has ended badly, and prove that it was.

    Returns:
        ``rolled-back`` or ``attention`` where it was put back, else ``cancelled``.
    """
    verdict, at = driver.record.verdict, taken(driver.run)
    if verdict is None or verdict.state not in BADLY or at is None:
        driver.over(step, Observation("cancelled", ("There is nothing to be put back.",)))
        return Observation("cancelled")
    if step.id not in driver.record.begun:
        declined = await _ask(driver, step)
        if declined is not None:
            return declined
        driver.begun(step.id)
    name, host = snapshot_name(driver.run.id), driver.host
    run = ScriptAct(act.command, SNAPSHOT_RESTORE, act.deadline_s)
    done, found = await script.follow(driver, step, run)
    if done.state == "succeeded":
        await driver.transport.forget(host.name)  # what it was connected to is gone
        looks = Observation("running", ("The host is being looked at again.",))
        driver.in_hand(step, looks)
        again = VerifyAct(act.changes, act.failed_units_before)
        after = await look_after(driver, step.id, again)
        wrong = (*after.wrong, *after.unclean, *after.unread, *await _other_release(driver, act))
        said = f"The snapshot {name} was put back on {host.name}"
        if not wrong:
            done = Observation("rolled-back", (f"{said}.", *after.checked))
        else:
            done = Observation("attention", (f"{said}, and not all is as before.", *wrong))
    driver.over(step, done, found)
    await driver.saved()
    if done.state == "rolled-back":
        return done
    return Observation("attention", (*done.reason, *way_back(driver.run, host)), done.hint)


async def _other_release(driver: Driver, act: PutBackAct) -> tuple[str, ...]:
    """A release upgrade knows no versions before, so the release itself is the proof."""
    if act.release is None:
        return ()
    look = await driver.look_at(driver.session, driver.host, "light")
    there = look.facts.os.codename if look.facts is not None else None
    return () if there == act.release else (f"it is {there or 'not known'}, not {act.release}",)


async def _ask(driver: Driver, step: Step) -> Observation | None:
    """The end of the step where it isn't to be put back."""
    verdict, name = driver.record.verdict, snapshot_name(driver.run.id)
    driver.stop_asked = None  # that was obeyed, and has led here
    question = f"Put the snapshot {name} back on {driver.host.name}?"
    reasons = verdict.reason if verdict is not None else ()
    waits = (*way_back(driver.run, driver.host), *reasons)
    until = driver.now() + ANSWER
    answer = await gate.ask(
        driver, step, question, waits, more=True, until=until, closes=False, ends=False, needs=False
    )
    if answer.state == "running":
        return None
    driver.over(step, answer)
    await driver.saved()
    return answer


async def _remember(driver: Driver, verb: str, run: str) -> bool:
    """Whether the host has written it down; what it can't write holds nothing up."""
    call = Script.host("snapshots.sh", verb, run)
    try:
        done = await driver.transport.run(driver.host, call, as_root="required", deadline_s=SHORT_S)
    except HostOutputError:
        return False
    return done.exit_status == 0
