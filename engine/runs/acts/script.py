"""Scripts of the inventory on this machine: hooks, and the word to those who must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import scripts
from engine.clock import rfc3339
from engine.errors import HostshiftError
from engine.model.plan import ScriptAct, Step
from engine.model.replacing import REFERENCES
from engine.model.run import SNAPSHOT, SNAPSHOT_RESTORE, snapshot_name
from engine.runs.observe import Observation
from engine.runs.successor import roles, successor_name
from engine.scripts.printed import read_backup_time, read_provisioned, read_references

if TYPE_CHECKING:
    from engine.runs.drive import Driver


async def run(driver: Driver, step: Step, act: ScriptAct, more: bool) -> Observation:
    """Start the script, or find it, and follow it to its end, which is the step's."""
    observed, found = await follow(driver, step, act)
    driver.over(step, observed, found)
    await driver.saved()
    if observed.state == "succeeded":
        return Observation("running" if more else "succeeded", observed.reason)
    return observed


async def follow(
    driver: Driver, step: Step, act: ScriptAct
) -> tuple[Observation, dict[str, Any] | None]:
    """Start the script, or find it; how it ended, and what later steps need of it."""
    session, run_id = driver.session, driver.run.id
    driver.in_hand(step, Observation("running", (f"The {act.event} script runs here.",)))
    await driver.saved()
    what = "begins" if act.event == "before" else "ended"
    told = scripts.event(act.event, driver.run, step.id, what, driver.now())
    old, new = roles(driver.record, driver.host)
    variables = scripts.environment(
        run_id,
        old,
        new=new.name if new is not None else successor_name(driver.record),
        new_address=new.address if new is not None else None,
        service=act.service,
        sync_pass=act.sync_pass,
        snapshot=_snapshot(run_id, act),
    )
    try:
        await scripts.start(session, run_id, step.id, act, told, variables)
    except scripts.NotStartedError as error:
        return Observation("failed", (error.message,), error.hint), None
    stopping = False
    while True:
        if driver.stop_asked is not None and act.event not in scripts.HARMLESS and not stopping:
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
    found: dict[str, Any] = {"exit_status": result.exit_status}
    if result.state == "succeeded":
        try:
            found |= _printed(driver, step, act)
            reason = _told(driver, act, found) or reason
            observed = Observation("succeeded", reason)
        except HostshiftError as error:
            observed = Observation("failed", (error.message,), error.hint)
    return observed, found


def _snapshot(run_id: str, act: ScriptAct) -> str | None:
    if act.event in (SNAPSHOT, SNAPSHOT_RESTORE):
        return snapshot_name(run_id)
    return None if act.snapshot is None else snapshot_name(act.snapshot)


def _told(driver: Driver, act: ScriptAct, found: dict[str, Any]) -> tuple[str, ...]:
    """What its last line means, in words."""
    if act.event == SNAPSHOT:
        return (
            f"The snapshot {snapshot_name(driver.run.id)} was taken; it stays until it is removed.",
        )
    if act.event == "provision":
        keys = len(found["host_keys"])
        said = f"{keys} of its host keys" if keys != 1 else "its host key"
        return (f"It is at {found['address']}; the script has printed {said}.",)
    if act.event == "backup_age":
        return (f"The newest backup that can be restored is of {found['backup_at']}.",)
    if act.event == REFERENCES:
        return tuple(found[REFERENCES]) or (f"Nothing names {driver.host.name} any more.",)
    return ()


def _printed(driver: Driver, step: Step, act: ScriptAct) -> dict[str, Any]:
    """What a script has said in its last line, where that is a part of its contract."""
    log = driver.logs.path(driver.run.id, step.id)
    if act.event == "provision":
        made = read_provisioned(log.read_bytes())
        return {**made.more, "address": made.address, "host_keys": list(made.host_keys)}
    if act.event == "backup_age":
        return {"backup_at": rfc3339(read_backup_time(log.read_bytes()))}
    if act.event == REFERENCES:
        return {REFERENCES: list(read_references(log.read_bytes()))}
    return {}


async def notify(driver: Driver, what: str) -> None:
    """Tell the inventory's notify script; its failure is named and changes nothing."""
    await driver.saved()
    why = await scripts.notify(driver.session, driver.run, what)
    if why is not None:
        driver.remark(why)
