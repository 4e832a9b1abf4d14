"""What is known of the cutover of a replacement, for the screen that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from engine import outage
from engine.dns import Change
from engine.errors import HostshiftError
from engine.model.cutover import CutoverView, DnsSide, ServerSide, ServiceState
from engine.model.host import Host
from engine.model.json_form import from_json
from engine.model.replacing import (
    CHECK,
    FREEZE,
    HOLD,
    START,
    CutoverGateAct,
    FreezeAct,
    ReturnAct,
    SpreadAct,
)
from engine.model.run import Run
from engine.runs.acts.replacing.before import promised_s
from engine.runs.acts.replacing.outage import freeze_step, kept, soak_act, switch_steps
from engine.runs.records import Logs, Record, sent
from engine.runs.successor import successor_name, successor_of

SEEN_BYTES: Final = 4_000_000
"""How much of the samples is read for a look, which is taken each second."""
STRIP_S: Final = 180
"""Seconds that a strip of checks may show; a screen takes as many as it has room for."""


def view(
    record: Record, run: Run, old: Host, logs: Logs, now: datetime, live: tuple[DnsSide, ...]
) -> CutoverView | None:
    """The cutover of a run as it is known now; None where nothing is replaced.

    Args:
        live: What the name servers answered last, where they are followed from here.
    """
    name = successor_name(record)
    frozen = freeze_step(record)
    if name is None or frozen is None or not isinstance(frozen.act, FreezeAct):
        return None
    new = successor_of(record, old)
    states = {step.id: step.state for step in run.steps}
    switched = [s.id for s in switch_steps(record)]
    changed = any(sent(s) in record.begun or states[s] == "succeeded" for s in switched)
    began = record.begun.get(frozen.id)
    services = [w.service for w in frozen.act.writers]
    going_back = [states[s.id] for s in record.plan.steps if isinstance(s.act, ReturnAct)]
    returned = "succeeded" in going_back
    samples = _samples(logs, run.id)
    found = outage.measured(samples, since=began) if began is not None else ()
    over = run.ended or any(
        isinstance(s.act, SpreadAct) and states[s.id] == "succeeded" for s in record.plan.steps
    )
    return CutoverView(
        old=ServerSide(old.name, old.address, "old", _old(services, began, returned, run)),
        new=ServerSide(name, new.address if new else "", "new", _new(services, states)),
        promised_s=_promised(record),
        began_at=began,
        ended_at=max((o.ended for o in found if o.ended), default=None) if over else None,
        outage_s=max((o.longest_s for o in found), default=None),
        strips=tuple(_strips(record, samples, now)),
        dns=live or tuple(_planned(record, switched)),
        lossless=not changed,
        side_words=_words(old.name, name, began, changed=changed),
        can_go_back=(
            began is not None
            and not changed
            and not run.ended
            and all(state == "planned" for state in going_back)
        ),
    )


def _promised(record: Record) -> int | None:
    gate = next((s.act for s in record.plan.steps if isinstance(s.act, CutoverGateAct)), None)
    return promised_s(record, gate) if gate is not None else None


def _samples(logs: Logs, run: str) -> tuple[outage.Sample, ...]:
    try:
        return outage.read(kept(logs, run), last_bytes=SEEN_BYTES)
    except (OSError, HostshiftError):
        return ()


def _words(old: str, new: str, began: datetime | None, *, changed: bool) -> str:
    if changed:
        return (
            f"The names lead to {new}: what it has accepted since is not on {old}. End this run to "
            f"go back: the candidate replace:to={old} of {new} copies that back first."
        )
    if began is None:
        return f"{old} serves. Nothing was frozen yet; ending the run changes nothing there."
    return f"Going back to {old} loses nothing: no name leads to {new} yet."


def _old(
    services: list[str], began: datetime | None, returned: bool, run: Run
) -> tuple[tuple[str, ServiceState], ...]:
    states = {step.id: step.state for step in run.steps}
    state: ServiceState = "serving"
    if began is not None and not (returned and run.ended):
        state = "frozen" if states.get(FREEZE) == "succeeded" else "unknown"
    return tuple((service, state) for service in services)


def _new(services: list[str], states: Mapping[str, str]) -> tuple[tuple[str, ServiceState], ...]:
    state: ServiceState = "unknown"
    if states.get(HOLD) == "succeeded":
        state = "held"
    if states.get(START) == "running":
        state = "starting"
    elif states.get(CHECK) == "succeeded":
        state = "serving"
    elif states.get(START) == "succeeded":
        state = "starting"
    return tuple((service, state) for service in services)


def _strips(
    record: Record, samples: tuple[outage.Sample, ...], now: datetime
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    soak = soak_act(record)
    services = dict.fromkeys(c.service for c in soak.checks) if soak is not None else {}
    for service in services:
        for side in ("old", "new", "name"):
            states = outage.strip(samples, side, service, STRIP_S, now)
            yield service, side, states


def _planned(record: Record, switched: list[str]) -> Iterator[DnsSide]:
    """What is known of the names where nobody follows them from here."""
    for step in switched:
        for found in (record.results.get(step) or {}).get("changes", ()):
            change = from_json(Change, found)
            for edit in change.edits:
                yield DnsSide(change.zone, "changed", True, edit.shown)
