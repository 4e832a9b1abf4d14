"""A plan as what the driver carries out: steps, of which some belong together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import RefusedError
from engine.model.plan import (
    BaselineAct,
    ConfirmAct,
    EndSpareAct,
    GateAct,
    GuardAct,
    JobAct,
    Plan,
    PutBackAct,
    RebootAct,
    ScriptAct,
    SpareAct,
    Step,
    VerifyAct,
)
from engine.model.replacing import CutoverGateAct, EndGateAct, ReplacingAct


@dataclass(frozen=True, slots=True)
class JobPhase:
    """A job, the confirmation that takes its guard away, and the look that proves it."""

    job: Step
    act: JobAct
    confirm: tuple[Step, ConfirmAct] | None
    verify: tuple[Step, VerifyAct] | None
    more: bool

    @property
    def steps(self) -> tuple[Step, ...]:
        """All its steps, in order."""
        others = (pair[0] for pair in (self.confirm, self.verify) if pair is not None)
        return (self.job, *others)


SingleAct = (
    BaselineAct
    | RebootAct
    | GateAct
    | GuardAct
    | SpareAct
    | EndSpareAct
    | ScriptAct
    | PutBackAct
    | ConfirmAct
    | VerifyAct
    | ReplacingAct
)


@dataclass(frozen=True, slots=True)
class SinglePhase:
    """One step that stands alone."""

    step: Step
    act: SingleAct
    more: bool

    @property
    def steps(self) -> tuple[Step, ...]:
        """The step."""
        return (self.step,)


Phase = JobPhase | SinglePhase
_GATES = GateAct | CutoverGateAct | EndGateAct | PutBackAct


def phases(plan: Plan) -> tuple[Phase, ...]:
    """The plan's steps but for the last ones (`Step.always`).

    Raises:
        RefusedError: it holds something that can't be carried out.
    """
    for step in plan.steps:
        if step.gate and not isinstance(step.act, _GATES):
            raise RefusedError(
                f"Step {step.id} of {plan.candidate} can't be carried out by this version.",
                hint=f"hostshift plan {plan.host} {plan.candidate} shows what it would do.",
            )
    beside = [s for s in plan.steps if not s.always or isinstance(s.act, ConfirmAct)]
    return tuple(_phases(beside))


def last_phases(plan: Plan) -> tuple[SinglePhase, ...]:
    """The steps that are carried out whatever happened."""
    return tuple(
        SinglePhase(step, step.act, more=True)
        for step in plan.steps
        if step.always and not isinstance(step.act, JobAct)
    )


def _phases(todo: list[Step]) -> Iterator[Phase]:
    while todo:
        step = todo.pop(0)
        act = step.act
        if not isinstance(act, JobAct):
            yield SinglePhase(step, act, more=bool(todo))
            continue
        confirm, verify = None, None
        if todo and isinstance(todo[0].act, ConfirmAct):
            confirm = (todo[0], todo[0].act)
            todo.pop(0)
        if todo and isinstance(todo[0].act, VerifyAct):
            verify = (todo[0], todo[0].act)
            todo.pop(0)
        yield JobPhase(step, act, confirm, verify, more=bool(todo))
