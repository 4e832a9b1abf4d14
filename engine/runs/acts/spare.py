"""A spare sshd for the time of a release upgrade: started, tried from outside, and taken away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from engine import health
from engine.errors import HostOutputError, RefusedError
from engine.jobs.script import with_call
from engine.model.host import Check
from engine.model.plan import EndSpareAct, ServiceCheck, SpareAct, Step
from engine.runs.acts import gate
from engine.runs.errors import CannotStartError
from engine.runs.observe import Observation
from engine.text import clean_line, decode

if TYPE_CHECKING:
    from engine.runs.drive import Driver

LOOK_S: Final = 120
BADLY: Final = ("failed", "attention", "rolled-back", "unknown")


async def start(driver: Driver, step: Step, act: SpareAct, more: bool) -> Observation:
    """Start it and connect to it from here; where that can't be done a person decides."""
    if driver.run.state != "waiting":
        driver.in_hand(step, Observation("running", ("A spare sshd is being started.",)))
    driver.begun(step.id)
    driver.keep(driver.run)
    await driver.saved()
    try:
        said = await driver.asking(partial(_call, driver, "start", str(act.port)))
    except CannotStartError as error:
        said = f"problem {error.message}"
    why = said.removeprefix("problem ") if said.startswith("problem ") else None
    if why is None:
        why = await _unreachable(driver, act)
    if why is None:
        words = f"A spare sshd answers at port {act.port}, of which nothing belongs to a package."
        observed = Observation("succeeded", (words,))
        driver.over(step, observed)
        await driver.saved()
        return Observation("running" if more else "succeeded", observed.reason)
    waits = (
        f"There is no second way in: {why}.",
        f"Open port {act.port} for this machine and go on, or have a console at hand.",
    )
    return await gate.ask(driver, step, "Go on without a spare sshd?", waits, more)


async def _unreachable(driver: Driver, act: SpareAct) -> str | None:
    """Why nobody comes in by it from here; None: it answers."""
    (result,) = await health.run(
        driver.transport,
        driver.host,
        (ServiceCheck("spare sshd", Check(tcp=act.port)),),
        driver.session.clock,
        address="127.0.0.1" if driver.session.demo else None,
    )
    return None if result.ok else f"port {act.port} can't be reached from here ({result.detail})"


async def end(driver: Driver, step: Step, act: EndSpareAct, more: bool) -> Observation:
    """Take it away, whatever became of the run; what is left of it is told beside the run's end."""
    told, observed = await _ended(driver, act)
    driver.over(step, observed)
    await driver.saved()
    if told:
        return Observation("attention", observed.reason, observed.hint)
    return Observation("running" if more else "succeeded", observed.reason)


async def _ended(driver: Driver, act: EndSpareAct) -> tuple[bool, Observation]:
    """Whether something is left of it, and what became of the step."""
    if act.start not in driver.record.begun:
        return False, Observation("cancelled", ("There was none.",))
    verdict = driver.record.verdict
    if act.unless in driver.record.begun and verdict is not None and verdict.state in BADLY:
        stays = (
            "The spare sshd stays for whoever mends this: it ends by itself a day after it began, "
            "or by `systemctl stop hostshift-spare-sshd`."
        )
        return True, Observation("succeeded", (stays,))
    try:
        said = await driver.asking(partial(_call, driver, "end"))
    except CannotStartError as error:
        said = error.message
    if said == "ended":
        return False, Observation("succeeded", ("The spare sshd is gone.",))
    words = f"The spare sshd could not be taken away: {said.removeprefix('problem ')}"
    return True, Observation("failed", (words,), "systemctl stop hostshift-spare-sshd there.")


async def _call(driver: Driver, *words: str) -> str:
    """What the script says last.

    Raises:
        HostOutputError: it said nothing.
        CannotStartError: it may not be run there.
    """
    script = with_call("spare_sshd.sh", *words)
    try:
        done = await driver.transport.run(
            driver.host, script, as_root="required", deadline_s=LOOK_S
        )
    except RefusedError as error:
        raise CannotStartError(error.message, hint=error.hint) from error
    said = clean_line(decode(done.stdout).strip().rpartition("\n")[2])
    if not said:
        why = clean_line(decode(done.stderr).strip()[-200:])
        raise HostOutputError(
            f"{driver.host.name} did not say whether its spare sshd runs: {why}",
            hint="Look there: systemctl status hostshift-spare-sshd.",
        )
    return said
