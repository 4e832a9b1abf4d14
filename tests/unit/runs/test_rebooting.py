"""A reboot within a run: an answer that is lost, a word that never arrives, a host that is shut."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from engine import reboot as room
from engine.errors import HostshiftError, NeedsPersonError
from engine.jobs.answers import LinkLostError
from engine.model.host import Host
from engine.model.plan import RebootAct, Step
from engine.model.run import Run
from engine.reboot import Back, Begun, Boot, Readiness, Record, Refusal
from engine.runs import RunDesk
from engine.runs.acts import reboot as act
from engine.transport.protocol import Transport
from tests.unit.jobs.local_host import until
from tests.unit.runs.conftest import HastyClock, World, has_state

T = TypeVar("T")
OLD, NEW = Boot("11111111-old", "1"), Boot("22222222-new", "2")
LOST = LinkLostError("The connection was lost.", hint="Look at the network.")
UP = Back(NEW, "6.1", True, Record(OLD, running=()), "running", 90, 100, (), ())


@dataclass
class Rebooting:
    """A host as it answers: each word given and each look takes the next answer, then the last."""

    words: list[Begun | HostshiftError] = field(default_factory=lambda: [Begun("started")])
    looks: list[Back | HostshiftError] = field(default_factory=lambda: [UP])
    refusals: tuple[Refusal, ...] = ()
    given: int = 0

    async def readiness(self, transport: Transport, host: Host, run: str, how: RebootAct) -> object:
        return Readiness(OLD, "6.1", True, None, self.refusals)

    async def begin(
        self, transport: Transport, host: Host, run: str, step: str, fields: Mapping[str, str]
    ) -> Begun:
        self.given += 1
        return _next(self.words)

    async def look_back(self, transport: Transport, host: Host, run: str, step: str) -> Back:
        return _next(self.looks)


def _next(answers: list[T | HostshiftError]) -> T:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, HostshiftError):
        raise answer
    return answer


@pytest.fixture
def host(world: World, monkeypatch: pytest.MonkeyPatch) -> Rebooting:
    made = Rebooting()
    for name in ("readiness", "begin", "look_back"):
        monkeypatch.setattr(room, name, getattr(made, name))
    step = Step("reboot", "Reboot", "host", RebootAct(deadline_s=1))
    world.plan = replace(world.plan, candidate="reboot", steps=(step,))
    return made


async def carried_out(desk: RunDesk, world: World) -> Run:
    run = await desk.start(world.plan, world.plan.digest)
    async with asyncio.timeout(30):
        return await desk.wait(run)


async def test_an_answer_that_the_reboot_took_with_it_is_found_out(
    world: World, host: Rebooting
) -> None:
    host.words = [LOST]
    host.looks = [LOST, UP]
    run = await carried_out(world.desk(), world)
    assert (run.state, host.given) == ("succeeded", 1)


async def test_a_host_that_is_gone_with_its_answer_is_given_up_at_the_deadline(
    world: World, host: Rebooting
) -> None:
    host.words, host.looks = [LOST], [LOST]
    run = await carried_out(world.desk(), world)
    assert (run.state, host.given) == ("attention", 1)
    assert any("has not come back" in line for line in run.reason)


async def test_a_word_that_never_arrived_is_given_again(world: World, host: Rebooting) -> None:
    host.words = [LOST, Begun("started")]
    host.looks = [replace(UP, boot=OLD, record=None), UP]
    run = await carried_out(world.desk(), world)
    assert (run.state, host.given) == ("succeeded", 2)


async def test_a_host_that_takes_no_word_is_not_asked_for_ever(
    world: World, host: Rebooting
) -> None:
    host.words = [LOST]
    host.looks = [replace(UP, boot=OLD, record=None)]
    run = await carried_out(world.desk(), world)
    assert (run.state, host.given) == ("attention", act.TIMES)
    assert any("knows of none" in line for line in run.reason)


async def test_a_host_that_does_not_let_us_in_is_not_taken_for_dead(
    world: World, host: Rebooting
) -> None:
    host.looks = [NeedsPersonError("Its key changed.", hint="Compare it.")]
    desk = world.desk()
    run = await desk.start(world.plan, world.plan.digest)
    await until(has_state(desk, run, "unknown"))
    assert any("Its key changed." in line for line in desk.get(run).reason)
    host.looks = [UP]
    async with asyncio.timeout(30):
        assert (await desk.wait(run)).state == "succeeded"


async def test_the_wait_for_a_person_is_none_for_the_host(
    world: World, host: Rebooting, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.refusals = (Refusal("logged-in", "somebody is logged in"),)
    host.looks = [LOST, UP]
    desk = world.desk()
    run = await desk.start(world.plan, world.plan.digest)
    await until(has_state(desk, run, "waiting"))
    later = timedelta(hours=3)
    monkeypatch.setattr(HastyClock, "now", lambda clock: datetime.now(UTC) + later)
    await desk.answer(run, None, "go-on", "", "h1")
    await until(has_state(desk, run, "succeeded", "attention"))
    assert desk.get(run).state == "succeeded"


async def test_a_clock_that_is_put_ahead_does_not_give_the_host_up(
    world: World, host: Rebooting, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Back | HostshiftError] = [LOST, UP]

    async def put_ahead(transport: Transport, host: Host, run: str, step: str) -> Back:
        later = timedelta(hours=3)
        monkeypatch.setattr(HastyClock, "now", lambda clock: datetime.now(UTC) + later)
        return _next(answers)

    monkeypatch.setattr(room, "look_back", put_ahead)
    assert (await carried_out(world.desk(), world)).state == "succeeded"
