"""What goes wrong beyond the line is a question, and the run goes on with the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import lock
from engine.model.json_form import to_json
from engine.model.plan import Plan
from engine.model.replacing import CHECK, FREEZE
from engine.runs import steps
from engine.runs.acts import carry_out, gate
from engine.runs.drive import Driver
from engine.runs.hold import Hold
from engine.runs.observe import Observation
from engine.runs.phases import SinglePhase
from engine.runs.records import record_of
from tests.unit.plan.replacements import declared, planned
from tests.unit.replacing.hands import hand

FAILED = Observation("failed", ("It went wrong.",), "Look at it.")
ATTENTION = replace(FAILED, state="attention")
GO_ON = Observation("running", ("ann answered.",))
WELL = Observation("succeeded", ("Seen.",))
END = Observation("cancelled", ("ann answered.",))


class Quiet(Hold):
    """A hold that keeps nothing."""

    def __init__(self) -> None:
        self.trouble = None

    def save(self, record: object) -> None:
        """Nothing is kept."""

    async def flush(self) -> None:
        """Nothing is kept."""


class Acts:
    """A step that ends one way after the other, as every act of a driver does."""

    def __init__(self, *ends: Observation) -> None:
        self.ends = list(ends)

    async def __call__(self, driver: Driver, phase: SinglePhase) -> Observation:
        observed = self.ends.pop(0)
        driver.over(phase.step, observed)
        return observed


class Asked:
    """Answers the questions of a gate in turn, and keeps what was asked."""

    def __init__(self, *answers: Observation) -> None:
        self.answers = list(answers)
        self.questions: list[tuple[str, tuple[str, ...]]] = []

    async def __call__(
        self,
        driver: Driver,
        step: object,
        question: str,
        waits: tuple[str, ...],
        *_: Any,
        **__: Any,
    ) -> Observation:
        self.questions.append((question, waits))
        return self.answers.pop(0)


def at(
    place: Path,
    step_id: str,
    *begun: str,
    over: tuple[str, ...] = (),
    plan: Plan | None = None,
) -> tuple[Driver, SinglePhase]:
    old = declared()
    plan = plan or planned(old, "example.com")
    it = hand(place, plan, old, step_id, begun=begun)
    driver = it.driver
    driver.hold = Quiet()
    driver.acts = True
    run = driver.run
    for name in over:
        run = steps.with_step(run, name, Observation("succeeded"), driver.now())
    driver.record = replace(driver.record, run=run)
    return driver, SinglePhase(it.step, it.step.act, more=True)  # type: ignore[arg-type]


def state_of(driver: Driver, step: str) -> str:
    return next(each.state for each in driver.run.steps if each.id == step)


@pytest.mark.parametrize(
    ("step", "begun", "over", "seen", "is_asked"),
    [
        pytest.param("dns", ("dns.sent",), (), ATTENTION, True, id="nobody knows if it was sent"),
        pytest.param("dns", (FREEZE,), (), FAILED, False, id="refused: goes back by itself"),
        pytest.param("inventory", ("dns.sent",), ("dns",), FAILED, True, id="after the DNS"),
        pytest.param("decommission", ("dns.sent",), ("dns",), FAILED, True, id="a script, at last"),
        pytest.param("decommission", (), ("dns",), FAILED, True, id="the DNS led there already"),
        pytest.param("decommission", (), ("dns",), END, False, id="a person has ended it"),
        pytest.param("final", (FREEZE,), (), FAILED, False, id="before the DNS"),
        pytest.param("return", (FREEZE,), (), ATTENTION, True, id="on the way back"),
        pytest.param("no-key-left", ("dns.sent",), ("dns",), FAILED, False, id="tidying up"),
    ],
)
async def test_only_what_leaves_an_unfinished_rest_is_asked_about(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    begun: tuple[str, ...],
    over: tuple[str, ...],
    seen: Observation,
    is_asked: bool,
) -> None:
    monkeypatch.setattr(gate, "ask", asks := Asked(END))
    monkeypatch.setattr(carry_out, "_single", Acts(seen))
    driver, phase = at(tmp_path, step, *begun, over=over)
    ended = await carry_out.carry_out(driver, phase)
    assert bool(asks.questions) is is_asked
    assert ended.state == state_of(driver, step) == ("attention" if is_asked else seen.state)
    if is_asked:
        ((question, waits),) = asks.questions
        assert question.startswith("Try again: ")
        assert {"It went wrong.", "Look at it."} <= set(waits)
        assert "It went wrong." in ended.reason


async def test_without_a_zone_the_line_is_where_the_successor_was_found_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "ask", asks := Asked(END))
    monkeypatch.setattr(carry_out, "_single", Acts(FAILED, FAILED))
    bare = planned(declared(), "example.org")
    for over, is_asked in (((), False), ((CHECK,), True)):
        driver, phase = at(tmp_path, "inventory", FREEZE, over=over, plan=bare)
        await carry_out.carry_out(driver, phase)
        assert bool(asks.questions) is is_asked


async def test_a_step_is_carried_out_as_often_as_a_person_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "ask", asks := Asked(GO_ON, GO_ON))
    monkeypatch.setattr(carry_out, "_single", Acts(FAILED, FAILED, WELL))
    driver, phase = at(tmp_path, "decommission", "dns.sent", over=("dns",))
    ended: list[str] = []
    monkeypatch.setattr(driver, "end", lambda step, observed, _: ended.append(observed.state))
    assert await carry_out.carry_out(driver, phase) == WELL
    assert len(asks.questions) == 2
    assert ended == ["succeeded"], "the store keeps the end of a step for good"


async def test_a_question_that_is_open_is_asked_by_the_next_hostshift_before_it_acts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class GoneError(Exception):
        """The hostshift that asks is closed."""

    async def gone(*_: object, **__: object) -> Observation:
        raise GoneError

    monkeypatch.setattr(carry_out, "_single", acts := Acts(FAILED, WELL))
    monkeypatch.setattr(gate, "ask", gone)
    driver, phase = at(tmp_path, "decommission", "dns.sent", over=("dns",))
    with pytest.raises(GoneError):
        await carry_out.carry_out(driver, phase)
    kept = record_of(to_json(driver.record.plan), driver.record.snapshot(), driver.record.results)
    assert kept == driver.record
    monkeypatch.setattr(gate, "ask", asks := Asked(GO_ON))
    assert await carry_out.carry_out(driver, phase) == WELL
    assert (len(asks.questions), acts.ends) == (1, [])
    assert "It went wrong." in asks.questions[0][1]
    assert driver.record.left is None


async def test_a_claim_that_was_lost_is_no_question_for_this_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Observation("attention", (gate.OVERRIDDEN,))
    monkeypatch.setattr(gate, "ask", asks := Asked())
    monkeypatch.setattr(carry_out, "_single", Acts(lost))
    driver, phase = at(tmp_path, "soak", "dns.sent", over=("dns",))
    assert await carry_out.carry_out(driver, phase) == lost
    assert not asks.questions


async def test_a_host_that_is_switched_off_is_asked_to_keep_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kept(*_: object) -> None:
        raise AssertionError("it is off, and would be asked for ever")

    async def waits(*_: object) -> None:
        return None

    async def answered(*_: object, **__: object) -> Observation:
        return END

    monkeypatch.setattr(gate, "keep_plan", kept)
    monkeypatch.setattr(lock, "wait_at_gate", waits)
    monkeypatch.setattr(gate, "_answered", answered)
    driver, phase = at(tmp_path, "decommission", "dns.sent", "power-off", over=("dns",))
    answer = await gate.ask(driver, phase.step, "Again?", (), True)
    assert answer == END
