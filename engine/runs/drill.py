"""The recovery drill in a replacement: how old backups were, how long coming back took. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.model.plan import Plan, ScriptAct, Step
from engine.model.replacing import PROVISION, TEST
from engine.model.run import Run, StepState


@dataclass(frozen=True, slots=True)
class Restored:
    """One service on the successor. None: not known, or not come so far.

    Attributes:
        backup_at: Of when the newest backup is that can be restored.
        asked_at: When that was asked; what was written in between would be lost with the server.
        took: How long restoring took.
    """

    service: str
    backup_at: datetime | None
    asked_at: datetime | None
    took: timedelta | None


@dataclass(frozen=True, slots=True)
class Drill:
    """What a replacement has proven.

    Attributes:
        took: From the first step that builds to the end of the tests, in which people may have been
            waited for; None: the tests have not passed.
    """

    services: tuple[Restored, ...]
    took: timedelta | None


def drill(plan: Plan, run: Run, results: Mapping[str, Mapping[str, Any]]) -> Drill | None:
    """What is known of it; None where nothing was restored.

    Args:
        results: What steps have left, as `Record.results`.
    """
    states = {state.id: state for state in run.steps}
    asked: dict[str, StepState] = {}
    services: list[Restored] = []
    for step in plan.steps:
        if not isinstance(step.act, ScriptAct) or step.act.service is None:
            continue
        state = states[step.id]
        if step.act.event == "backup_age":
            asked[step.act.service] = state
        elif step.act.event == "restore" and state.state == "succeeded":
            before = asked.get(step.act.service)
            found = results.get(before.id, {}).get("backup_at") if before else None
            services.append(
                Restored(
                    step.act.service,
                    datetime.fromisoformat(found) if found else None,
                    before.ended_at if before else None,
                    _between(state, state),
                )
            )
    if not services:
        return None
    tests = [states[s.id] for s in plan.steps if s.id == TEST or _is_test(s)]
    passed = bool(tests) and all(test.state == "succeeded" for test in tests)
    took = _between(states.get(PROVISION), tests[-1]) if passed else None
    return Drill(tuple(services), took)


def _is_test(step: Step) -> bool:
    return isinstance(step.act, ScriptAct) and step.act.event == "test"


def _between(first: StepState | None, last: StepState | None) -> timedelta | None:
    if first is None or last is None or first.started_at is None or last.ended_at is None:
        return None
    return last.ended_at - first.started_at
