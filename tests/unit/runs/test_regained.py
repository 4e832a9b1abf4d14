"""How far a run has come that only its host remembers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.plan import ConfirmAct, GateAct, GuardAct, ScriptAct, Step
from engine.runs.records import Record
from engine.runs.regained import come_to
from engine.runs.steps import planned
from tests.unit.runs.conftest import plan_of, steps_of

PLAN = replace(
    plan_of("true"),
    steps=(
        Step("window", "Ask", "controller", GateAct("Now?"), gate=True),
        Step("guard", "Arm", "host", GuardAct(("ssh",), 60)),
        plan_of("true").steps[0],
        Step("confirm", "Confirm", "host", ConfirmAct("guard"), always=True),
        plan_of("true").steps[1],
        Step("after", "After", "controller", ScriptAct(("true",), "after", 20), always=True),
    ),
)


@pytest.mark.parametrize(
    ("lock_says", "done", "begun"),
    [
        ("window", (), ()),
        ("guard", ("window",), ()),
        ("upgrade", ("window", "guard"), ("guard",)),
        ("confirm", ("window", "guard"), ("guard",)),
        ("verify", ("window", "guard"), ("guard",)),
        ("after", ("window", "guard"), ("guard",)),
        ("another", (), ()),
    ],
)
def test_what_comes_before_is_done_and_what_it_names_is_looked_at(
    lock_says: str, done: tuple[str, ...], begun: tuple[str, ...]
) -> None:
    run = planned(PLAN, "run1", "eve@laptop", PLAN.created_at)
    found = come_to(Record(PLAN, run), lock_says, PLAN.created_at)
    states = steps_of(found.run)
    assert tuple(name for name, state in states.items() if state == "succeeded") == done
    assert tuple(found.begun) == begun
    assert all(lock_says in s.evidence[0] for s in found.run.steps if s.state == "succeeded")
