"""Small changes of Run values, so that the driver reads as what it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.model.plan import Plan
from engine.model.run import ENDED, Progress, Run, StepState
from engine.runs.observe import Observation


def planned(plan: Plan, run_id: str, operator: str, now: datetime) -> Run:
    """A run of which nothing has happened yet."""
    steps = tuple(StepState(step.id, step.title, "planned") for step in plan.steps)
    return Run(
        id=run_id,
        host=plan.host,
        candidate=plan.candidate,
        state="planned",
        operator=operator,
        digest=plan.digest,
        started_at=now,
        steps=steps,
        since=now,
        reason=("No job has begun yet.",),
    )


def with_step(run: Run, step_id: str, observed: Observation, now: datetime) -> Run:
    """The run with one step in an observed state; times are set once."""
    return replace(run, steps=tuple(
        _step(step, observed, now) if step.id == step_id else step for step in run.steps
    ))  # fmt: skip


def _step(step: StepState, observed: Observation, now: datetime) -> StepState:
    over = observed.state in ENDED or observed.state == "attention"
    begun = observed.state != "planned"
    return replace(
        step,
        state=observed.state,
        evidence=observed.reason,
        started_at=step.started_at or (now if begun else None),
        ended_at=(step.ended_at or now) if over else None,
        progress=None if over else step.progress,
    )


def with_progress(run: Run, step_id: str, progress: Progress) -> Run:
    """The run with what a step's program last said of its progress."""
    return replace(run, steps=tuple(
        replace(step, progress=progress) if step.id == step_id else step for step in run.steps
    ))  # fmt: skip


def with_state(run: Run, observed: Observation, now: datetime) -> Run:
    """The run in an observed state; ``since`` moves only when the state does."""
    over = observed.state in ENDED or observed.state == "attention"
    return replace(
        run,
        state=observed.state,
        reason=observed.reason,
        hint=observed.hint,
        waits_for=observed.question,
        since=run.since if run.state == observed.state else now,
        ended_at=(run.ended_at or now) if over else None,
    )
