"""A run that only its host remembers: how far it has come. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import takewhile

from engine.model.facts import BuiltSuccessor
from engine.model.plan import GuardAct, JobAct, RebootAct
from engine.model.replacing import FREEZE, ReachAct, RecordsAct
from engine.runs import steps
from engine.runs.observe import Observation
from engine.runs.phases import phases
from engine.runs.records import Record, sent


def end_of_replacement(
    record: Record, step_id: str, built: BuiltSuccessor | None, now: datetime
) -> Record | None:
    """The end of a replacement whose records are lost; None where nothing is replaced.

    What its steps have found is gone with them: to what the names led, what was copied from where.
    So nothing more is done than at the end of every run: back to the old host if it was frozen
    and no name was changed, the key of the data, the locks. All that may have been begun by the
    step that the host's lock names counts as begun.
    """
    reach = next((s.act for s in record.plan.steps if isinstance(s.act, ReachAct)), None)
    ids = [step.id for step in record.plan.steps]
    if reach is None:
        return None
    come = record.plan.steps[: ids.index(step_id) + 1] if step_id in ids else ()
    begun = {step.id: now for step in come if not step.always}
    begun |= {
        sent(step.id): now
        for step in come
        if isinstance(step.act, RecordsAct) and step.act.purpose == "switch"
    }
    run = record.run
    for step in record.plan.steps:
        if not step.always:
            run = steps.with_step(run, step.id, Observation("cancelled"), now)
    words = (
        f"What this replacement had found is lost with the records of its runs; it had come to "
        f"{step_id}, by the lock of {run.host}. It is not carried on."
    )
    verdict = Observation(
        "attention" if FREEZE in begun else "failed",
        (words,),
        f"Plan it anew, with hostshift plan {run.host} {run.candidate}: {reach.name} is built on.",
    )
    return replace(
        record,
        run=steps.with_state(run, Observation("running", verdict.reason), now),
        begun=begun,
        verdict=verdict,
        built=built.address if built is not None and built.name == reach.name else None,
    )


def come_to(record: Record, step_id: str, now: datetime) -> Record:
    """A run as far as the step that its host's lock names: what comes before is not done again.

    The step itself is looked at anew, with those that belong to it; the plan's last one also when
    what is done at the end of every run had begun.
    """
    if step_id not in {step.id for step in record.plan.steps}:
        return record
    done = Observation("succeeded", (f"The host's lock says that the run has come to {step_id}.",))
    run, begun = record.run, record.begun
    before = phases(record.plan)[:-1]
    for phase in takewhile(lambda phase: all(s.id != step_id for s in phase.steps), before):
        for step in phase.steps:
            run = steps.with_step(run, step.id, done, now)
            if isinstance(step.act, JobAct | GuardAct | RebootAct):
                begun = {**begun, step.id: now}
    return replace(record, run=run, begun=begun)
