"""How long a plan's steps took before: the same steps of the same kind of run on the same host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import median
from typing import Final

from engine.model.plan import Plan
from engine.model.run import Run

LAST: Final = 5
"""Runs whose median counts: hosts and what is done to them change."""


def with_measured(plan: Plan, past: Iterable[Run]) -> Plan:
    """The plan with the seconds that its steps took; a gate's are a person's and say nothing.

    Args:
        past: Runs, the newest first.
    """
    kind = plan.candidate.partition(":")[0]
    took: dict[str, list[float]] = {}
    for run in past:
        if run.host != plan.host or run.candidate.partition(":")[0] != kind:
            continue
        for state in run.steps:
            seconds = took.setdefault(state.id, [])
            if state.state == "succeeded" and state.started_at and state.ended_at:
                seconds.append((state.ended_at - state.started_at).total_seconds())
    steps = tuple(
        replace(step, expected_s=max(1, round(median(took[step.id][:LAST]))))
        if took.get(step.id) and not step.gate
        else step
        for step in plan.steps
    )
    return replace(plan, steps=steps)
