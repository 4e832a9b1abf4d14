"""What comes before anything is touched: the preflight, and the gate with the expected outage."""

from __future__ import annotations

from functools import partial
from typing import Final

from engine import preflight as room
from engine.clock import rfc3339
from engine.errors import HostOutputError
from engine.model.json_form import to_json
from engine.model.replacing import CutoverGateAct, FormerAct, PreflightAct, RecordsAct
from engine.runs.acts import gate
from engine.runs.acts.replacing import names
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError
from engine.runs.drill import Restored, drill
from engine.runs.observe import Observation
from engine.runs.records import Record

HANDLING_S: Final = 20
"""Seconds of the outage that aren't copying: stop, prove, start, checks, the DNS update. A
judgement, until this team's own replacements have been measured."""


async def preflight(hand: Hand, act: PreflightAct) -> Done:
    """Look at the old host; whatever stops a replacement ends the run before anything is built."""
    driver = hand.driver
    try:
        report = await hand.ask(partial(room.examine, driver.session, hand.old))
    except HostOutputError as error:
        raise NotDoneError((error.message,), hint=error.hint) from error
    stops = tuple(f"{f.id}: {f.message}" for f in report.findings if f.level == "stops")
    hand.must(stops, "Mend what is named, then plan again. Nothing was built.")
    wanted = [
        (step.act.zone, step.act.names)
        for step in driver.record.plan.steps
        if isinstance(step.act, RecordsAct) and step.act.purpose == "switch"
    ]
    noted = await names.note(hand, wanted)
    warns = tuple(f"{f.id}: {f.message}" for f in report.findings if f.level == "warns")
    words = (f"{act.successor} can take over.", *await names.taken(hand), *warns)
    return Done(words, {"found": to_json(report.found), "names": noted})


async def cutover_gate(hand: Hand, act: CutoverGateAct) -> Done | Observation:
    """Ask with everything at hand that decides: the window that was rehearsed, what is left."""
    steps = hand.driver.record.plan.steps
    waits = [
        f"Expected outage: {expected(hand.driver.record, act)}.",
        f"The plan's digest is {hand.driver.run.digest[:12]}.",
        "Until the DNS is changed, going back loses nothing.",
    ]
    if not any(isinstance(step.act, FormerAct) for step in steps):
        stays = f"Ended here, {hand.new.name} stays for the next try"
        waits.append(f"{stays}; the candidate decommission:{hand.new.name} removes it.")
    if act.window is not None:
        waits.append(f"The maintenance window is {act.window}.")
    proven = drill(hand.driver.record.plan, hand.driver.run, hand.driver.record.results)
    if proven is not None:
        waits.append(f"Restored and tested: {'; '.join(_restored(s) for s in proven.services)}.")
    waits.append(f"Asked at {rfc3339(hand.driver.now())}; the last pass gets older meanwhile.")
    observed = await gate.ask(
        hand.driver, hand.step, act.question, tuple(waits), hand.more, closes=False
    )
    if observed.state != "running":
        return observed
    return Done(observed.reason, {"promised_s": promised_s(hand.driver.record, act)})


def expected(record: Record, act: CutoverGateAct) -> str:
    """How long the services would be out, as far as it was measured."""
    seconds = promised_s(record, act)
    if seconds is None:
        return "not known, as the last pass was not measured"
    if not act.rehearsals:
        return f"about {seconds} s"
    left = record.results.get(act.rehearsals[-1], {}).get("words", [])
    more = f" ({'; '.join(left)})" if left else ""
    return f"about {seconds} s, of which {seconds - HANDLING_S} s copying and comparing{more}"


def promised_s(record: Record, act: CutoverGateAct) -> int | None:
    """The expected outage in seconds, by the last pass and the sums; None: not known."""
    passes = [record.results.get(step, {}).get("seconds") for step in act.rehearsals[:-1]]
    copying = next((s for s in reversed(passes) if s is not None), None) if act.rehearsals else 0
    if copying is None:
        return None
    sums = record.results.get(act.rehearsals[-1], {}).get("sums_s", 0) if act.rehearsals else 0
    return round(copying) + sums + HANDLING_S


def _restored(one: Restored) -> str:
    backup = rfc3339(one.backup_at) if one.backup_at else "an unknown time"
    took = f", restored in {one.took.total_seconds():.0f} s" if one.took is not None else ""
    return f"{one.service} from a backup of {backup}{took}"
