"""How long steps took before, as a plan tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.model.plan import Plan
from engine.model.run import Run, State, StepState
from engine.plan import make_plan
from engine.runs.measured import with_measured
from tests.unit.builders import NOW, facts, host, upgrade


def planned(candidate: str = "upgrade") -> Plan:
    return make_plan(host(), facts(upgrade("vim")), candidate, NOW)


def took(
    seconds: float, *, on: str = "server1", candidate: str = "upgrade", state: State = "succeeded"
) -> Run:
    ended = NOW + timedelta(seconds=seconds)
    step = StepState("upgrade", "Upgrade", state, NOW, ended)
    return Run("run", on, candidate, state, "eve@laptop", "d", NOW, (step,), NOW)


def expected(plan: Plan) -> int | None:
    return next(step.expected_s for step in plan.steps if step.id == "upgrade")


def test_the_median_of_the_last_five_counts() -> None:
    past = [took(s) for s in (40, 30, 50, 31, 900, 5000, 6000)]
    measured = with_measured(planned(), past)
    assert expected(measured) == 40
    assert measured.digest == planned().digest, "it changes nothing that is done"
    assert {s.id: s.expected_s for s in measured.steps if s.id != "upgrade"} == {
        s.id: s.expected_s for s in planned().steps if s.id != "upgrade"
    }


def test_only_the_same_step_on_the_same_host_that_went_well_counts() -> None:
    others = [
        took(10, on="server2"),
        took(10, candidate="dist-upgrade"),
        took(10, state="failed"),
    ]
    assert expected(with_measured(planned(), others)) is None
    assert (
        expected(with_measured(planned(), [*others, took(0.2, candidate="upgrade:security")])) == 1
    )


def test_a_step_that_never_ended_says_nothing() -> None:
    run = took(10)
    open_step = replace(run.steps[0], ended_at=None)
    assert expected(with_measured(planned(), [replace(run, steps=(open_step,))])) is None
