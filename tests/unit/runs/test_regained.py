"""How far a run has come that only its host remembers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.facts import BuiltSuccessor
from engine.model.json_form import to_json
from engine.model.plan import ConfirmAct, GateAct, GuardAct, ScriptAct, Step
from engine.model.replacing import FREEZE, REACH, SWITCH
from engine.runs.records import Record, record_of, sent
from engine.runs.regained import come_to, end_of_replacement
from engine.runs.steps import planned
from engine.runs.successor import successor_of
from tests.unit.plan.replacements import declared
from tests.unit.plan.replacements import planned as replacement
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


BUILT = BuiltSuccessor("server2", "192.0.2.2")


@pytest.mark.parametrize(
    ("lock_says", "frozen", "moved", "turned", "state"),
    [
        ("bulk", False, False, False, "failed"),
        ("cutover", False, False, False, "failed"),
        ("freeze", True, False, False, "attention"),
        ("switch", True, True, False, "attention"),
        ("dns", True, True, True, "attention"),
        ("soak", True, True, True, "attention"),
    ],
)
def test_a_replacement_without_its_records_is_ended(
    lock_says: str, *, frozen: bool, moved: bool, turned: bool, state: str
) -> None:
    plan = replacement()
    run = planned(plan, "run1", "eve@laptop", plan.created_at)
    found = end_of_replacement(Record(plan, run), lock_says, BUILT, plan.created_at)
    assert found is not None
    begun = [name in found.begun for name in (FREEZE, SWITCH, sent("dns"))]
    assert begun == [frozen, moved, turned]
    assert REACH in found.begun, "its lock is given back"
    new = successor_of(found, declared())
    assert new is not None
    assert (new.name, new.address) == ("server2", "192.0.2.2")
    assert record_of(to_json(plan), found.snapshot(), {}) == found
    assert found.verdict is not None
    assert found.verdict.state == state
    assert lock_says in found.verdict.reason[0]
    left = {s.id for s in found.run.steps if s.state == "planned"}
    assert left == {step.id for step in plan.steps if step.always}


def test_where_the_successor_is_is_not_guessed() -> None:
    plan = replacement()
    record = Record(plan, planned(plan, "run1", "eve@laptop", plan.created_at))
    for built in (None, BuiltSuccessor("server3", "192.0.2.3")):
        found = end_of_replacement(record, "bulk", built, plan.created_at)
        assert found is not None
        assert successor_of(found, declared()) is None
    other = Record(PLAN, planned(PLAN, "run1", "eve@laptop", PLAN.created_at))
    assert end_of_replacement(other, "guard", BUILT, PLAN.created_at) is None
