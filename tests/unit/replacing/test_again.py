"""What goes wrong beyond the line is a question, and the run goes on with the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import lock
from engine.model.plan import Plan
from engine.model.replacing import CHECK, FREEZE
from engine.model.run import State
from engine.runs import steps
from engine.runs.acts import carry_out, gate
from engine.runs.acts.replacing import again
from engine.runs.drive import Driver
from engine.runs.hold import Hold
from engine.runs.observe import Observation
from engine.runs.phases import SinglePhase
from tests.unit.plan.replacements import declared, planned
from tests.unit.replacing.hands import hand

FAILED = Observation("failed", ("It went wrong.",), "Look at it.")
ATTENTION = replace(FAILED, state="attention")
GO_ON = Observation("running", ("ann answered.",))
END = Observation("cancelled", ("ann answered.",))


class Quiet(Hold):
    """A hold that keeps nothing."""

    def __init__(self) -> None:
        self.trouble = None

    def save(self, record: object) -> None:
        """Nothing is kept."""

    async def flush(self) -> None:
        """Nothing is kept."""


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
    asks = Asked(END)
    monkeypatch.setattr(gate, "ask", asks)
    driver, phase = at(tmp_path, step, *begun, over=over)
    ended = await again.asked(driver, phase, seen)
    assert ended is not None
    assert bool(asks.questions) is is_asked
    assert ended.state == ("attention" if is_asked else seen.state)
    if is_asked:
        ((question, waits),) = asks.questions
        assert question.startswith("Try again: ")
        assert {"It went wrong.", "Look at it."} <= set(waits)
        assert "It went wrong." in ended.reason


async def test_without_a_zone_the_line_is_where_the_successor_was_found_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "ask", asks := Asked(END))
    bare = planned(declared(), "example.org")
    for over, is_asked in (((), False), ((CHECK,), True)):
        driver, phase = at(tmp_path, "inventory", FREEZE, over=over, plan=bare)
        await again.asked(driver, phase, FAILED)
        assert bool(asks.questions) is is_asked


async def test_a_step_is_carried_out_as_often_as_a_person_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[State] = ["failed", "failed", "succeeded"]
    monkeypatch.setattr(gate, "ask", asks := Asked(GO_ON, GO_ON))

    async def single(*_: object) -> Observation:
        return Observation(ends.pop(0), ("Seen.",))

    monkeypatch.setattr(carry_out, "_single", single)
    driver, phase = at(tmp_path, "decommission", "dns.sent", over=("dns",))
    assert (await carry_out.carry_out(driver, phase)).state == "succeeded"
    assert (ends, len(asks.questions)) == ([], 2)


async def test_a_claim_that_was_lost_is_no_question_for_this_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "ask", asks := Asked())
    driver, phase = at(tmp_path, "soak", "dns.sent", over=("dns",))
    lost = Observation("attention", (gate.OVERRIDDEN,))
    assert await again.asked(driver, phase, lost) == lost
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
