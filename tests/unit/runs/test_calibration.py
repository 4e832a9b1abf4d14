"""Predicted against observed: what counts, how sure it is, and what is learned from it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.calibration import document, shown
from engine.model.candidate import OutageMinutes, Risk
from engine.model.plan import ConfirmAct, Plan, PutBackAct, RebootAct
from engine.model.run import Run, State
from engine.risk import parameters
from engine.runs.calibration import LEAST_EVENTS, MODES, lesson, lines, outcomes, wilson
from engine.runs.observe import REPAIR
from engine.runs.steps import planned
from tests.unit.runs.conftest import plan_of

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
NUMBERS = parameters()
CHANCES = {"boot": 0.01, "access": 0.005, "service": 0.03, "data": 0.001, "state": 0.006}
RISK = Risk(30, "moderate", OutageMinutes(4, 60), one_in=20, chances=tuple(CHANCES.items()))
Recorded = tuple[Run, Plan, float | None]


def recorded(
    number: int, state: State, candidate: str = "upgrade", *, host: str = "h1", reason: str = "",
    model: str | None = NUMBERS.model.digest, risk: Risk | None = RISK, outage: float | None = None,
) -> Recorded:  # fmt: skip
    plan = replace(plan_of("true"), candidate=candidate, host=host, risk=risk, model=model)
    run = planned(plan, f"run-{number:03}", "eve@laptop", NOW + timedelta(hours=number))
    return replace(run, state=state, reason=(reason,) if reason else ()), plan, outage


def test_only_what_acted_and_ended_counts() -> None:
    found = outcomes(
        (
            recorded(1, "succeeded", "upgrade:security", outage=90.0),
            recorded(2, "cancelled"),
            recorded(3, "running"),
            recorded(4, "failed", reason="The mirror did not answer. Nothing was changed."),
            recorded(5, "succeeded", "refresh", risk=None),
            recorded(6, "rolled-back"),
        )
    )
    assert [(one.run, one.kind, one.wrong) for one in found] == [
        ("run-001", "upgrade", False),
        ("run-006", "upgrade", True),
    ]
    assert (found[0].chance, found[0].outage_s, found[0].bad_day) == (0.05, 90.0, 60)


def test_a_repair_that_follows_on_the_same_host_is_what_went_wrong() -> None:
    repair = recorded(3, "succeeded", "repair", risk=None)
    for between, wrong in ((("h2", True)), (("h1", False))):
        found = outcomes((repair, recorded(2, "succeeded", host=between), recorded(1, "succeeded")))
        first = next(one for one in found if one.run == "run-001")
        assert (first.wrong, first.repaired) == (wrong, wrong)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_its_share_and_narrows(tried: tuple[int, int]) -> None:
    events, trials = tried
    low, high = wilson(events, trials)
    assert 0 <= low <= events / trials <= high <= 1
    more = wilson(events * 10, trials * 10)
    assert more[1] - more[0] < high - low


def test_the_interval_is_wilsons() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(2, 20)  # 0.0279 to 0.3010, as R's prop.test(2, 20, correct = FALSE) tells
    assert (round(low, 4), round(high, 4)) == (0.0279, 0.3010)


def many(wrong: int, well: int, model: str | None = NUMBERS.model.digest) -> list[Recorded]:
    states: list[State] = [*("failed",) * wrong, *("succeeded",) * well]  # type: ignore[list-item]
    return [recorded(i, state, host=f"h{i}", model=model) for i, state in enumerate(states)]


def test_too_few_events_teach_nothing() -> None:
    learned = lesson(outcomes(many(LEAST_EVENTS - 1, 30)), NUMBERS)
    assert learned.numbers == ()
    assert "Nothing is learned yet" in shown(outcomes(many(1, 3)), learned)


def test_runs_of_other_numbers_teach_nothing_of_these() -> None:
    learned = lesson(outcomes(many(LEAST_EVENTS, 30, model="older")), NUMBERS)
    assert (learned.runs, learned.numbers) == (0, ())


@pytest.mark.parametrize(("well", "up"), [(10, True), (2_000, False)])
def test_what_is_learned_leads_from_the_predicted_towards_the_observed(well: int, up: bool) -> None:
    learned = lesson(outcomes(many(LEAST_EVENTS, well)), NUMBERS)
    assert [name for name, _ in learned.numbers] == [f"{mode}_base" for mode in MODES]
    for name, value in learned.numbers:
        # Each way by itself: all that went wrong here was a service.
        assert (value > NUMBERS[name]) is (up and name == "service_base")
    moved = parameters(learned.numbers)  # within the bounds that the inventory allows
    assert moved.model.digest != NUMBERS.model.digest


def test_a_share_counts_as_twenty_runs_in_log_odds() -> None:
    learned = dict(lesson(outcomes(many(LEAST_EVENTS, 30)), NUMBERS).numbers)
    share = (20 * 0.03 + 10) / (20 + 40)
    moved = math.log(share / (1 - share)) - math.log(0.03 / 0.97)
    assert learned["service_base"] == round(NUMBERS["service_base"] + moved, 2)


def test_a_way_that_no_run_could_take_is_left_alone() -> None:
    idle = replace(RISK, chances=tuple(c for c in RISK.chances if c[0] != "boot"))
    some = [recorded(n, "failed", host=f"h{n}", risk=idle) for n in range(LEAST_EVENTS)]
    learned = lesson(outcomes(some), NUMBERS)
    assert "boot_base" not in dict(learned.numbers)
    assert learned.ways == (("boot", 0), ("access", 0), ("service", 10), ("data", 0), ("state", 0))


def test_where_a_run_ended_tells_which_way_it_went_wrong() -> None:
    def way(run: Run, plan: Plan) -> str | None:
        return outcomes([(run, plan, None)])[0].mode

    run, plan, _ = recorded(1, "attention")
    assert way(run, plan) == "service"
    assert way(replace(run, state="succeeded"), plan) is None
    assert way(replace(run, hint=REPAIR), plan) == "state"
    assert way(replace(run, state="rolled-back"), plan) == "access"
    for act, mode in ((RebootAct(), "boot"), (ConfirmAct(guard="g"), "access")):
        last = replace(plan.steps[0], act=act)
        begun = replace(run, steps=(replace(run.steps[0], state="attention"),))
        assert way(begun, replace(plan, steps=(last,))) == mode
    put_back = replace(plan, steps=(replace(plan.steps[0], act=PutBackAct(("x",), 1)),))
    back = replace(run, state="rolled-back", steps=(replace(run.steps[0], state="rolled-back"),))
    assert way(back, put_back) == "state"


def test_what_is_shown_names_kinds_intervals_and_the_way_back() -> None:
    found = outcomes([*many(10, 10), recorded(99, "succeeded", "replace", outage=30.0)])
    learned = lesson(found, NUMBERS)
    assert [line.kind for line in lines(found)] == ["replace", "upgrade", "all"]
    text = shown(found, learned)
    for part in ("does not fit", "0.5 measured from outside", "[risk]", "take out to go back"):
        assert part in text
    assert document(found, learned)["lines"][1]["wrong"] == 10
    assert "nothing can be compared" in shown((), learned)
