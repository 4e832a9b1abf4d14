"""A run that only its host remembers: how far it has come. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import takewhile

from engine.model.plan import GuardAct, JobAct, RebootAct
from engine.runs import steps
from engine.runs.observe import Observation
from engine.runs.phases import phases
from engine.runs.records import Record


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
