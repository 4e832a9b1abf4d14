"""Runs that outlast their hostshift: gates, stops, leases, two hostshifts on one store."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError, ReadOnlyError, RefusedError
from engine.inventory import Inventory, windows
from engine.model.host import Host
from engine.model.plan import GateAct, JobAct, Plan, ScriptAct, Step
from engine.model.replacing import ReachAct
from engine.model.run import Run
from engine.runs import RunDesk, hold, ledger, steps
from engine.runs.records import Record
from engine.shell import Script
from engine.store import HostBusyError, opening
from engine.transport.protocol import Completed
from tests.unit.jobs.local_host import LocalHost, until
from tests.unit.runs.conftest import HastyClock, World, has_state, plan_of, steps_of
from tests.unit.transport.doubles import NoTunnels

NEVER = "Sun 00:00-00:01 UTC"
"""A window that is closed for all but a minute of the week."""
GATE = Step("gate", "Ask", "controller", GateAct("Shall it be done?"), gate=True)


def gated(*after: Step, script: str = "echo acted") -> Sequence[Step]:
    return (GATE, *plan_of(script, verify=False).steps, *after)


async def start(world: World, desk: RunDesk) -> str:
    return await desk.start(world.plan, world.plan.digest)


async def ended(desk: RunDesk, run: str) -> Run:
    """The run, once nothing more happens in it, past its gates."""
    await until(lambda: desk.get(run).state != "waiting")
    async with asyncio.timeout(30):
        return await desk.wait(run)


def waiting(world: World) -> str:
    return f"echo early; until [ -e {world.lan.root}/go ]; do sleep 0.05; done; echo late"


def let_go(world: World) -> None:
    (world.lan.root / "go").touch()


async def vanish(desk: RunDesk) -> None:
    """End a hostshift as SIGKILL does: it gives nothing back."""
    for live in desk._live._live.values():
        assert live.task is not None
        live.task.cancel()
        if live.driver is not None and live.driver.hold is not None:
            live.driver.hold.lost = True
    desk._ledger._holds.clear()
    for task in desk._ledger._tasks:
        task.cancel()
    await asyncio.sleep(0)


# Gates


async def test_a_gate_waits_says_for_what_and_goes_on_when_answered(world: World) -> None:
    world.plan = replace(world.plan, steps=tuple(gated()))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "waiting"))
    found = await desk.wait(run)
    assert (found.state, found.waits_for) == ("waiting", "Shall it be done?")
    assert found.since >= found.started_at
    assert "hostshift answer" in (found.hint or "")
    assert not world.job(run).exists()
    await until(lambda: '"claim":true' in (world.lan.home / "lock").read_text())
    await desk.answer(run, "gate", "go-on", "looks well", "h1")
    found = await ended(desk, run)
    assert found.state == "succeeded"
    assert any("looks well" in line for line in found.steps[0].evidence)
    assert not world.has_lock()


async def test_a_run_that_is_ended_at_its_gate_has_changed_nothing(world: World) -> None:
    world.plan = replace(world.plan, steps=tuple(gated()))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "waiting"))
    await desk.answer(run, None, "end", "not tonight", "")
    found = await ended(desk, run)
    assert found.state == "cancelled"
    assert any("not tonight" in line for line in found.reason)
    assert steps_of(found) == {"gate": "cancelled", "upgrade": "cancelled"}
    assert not world.job(run).exists()
    assert not world.has_lock()


async def test_going_on_wants_the_hosts_name_and_a_gate(world: World) -> None:
    world.plan = replace(world.plan, steps=tuple(gated()))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "waiting"))
    for step, word, typed in (
        ("gate", "go-on", "h2"), ("gate", "go-on", ""), ("gate", "yes", "h1"),
        ("upgrade", "go-on", "h1"),
    ):  # fmt: skip
        with pytest.raises(RefusedError):
            await desk.answer(run, step, word, "", typed)
    with pytest.raises(InputError):
        await desk.answer("20200101T000000-abcdef", None, "go-on", "", "h1")
    with pytest.raises(ReadOnlyError):
        await world.desk(read_only=True).answer(run, None, "end", "", "")
    assert desk.get(run).state == "waiting"


async def test_a_gate_survives_its_hostshift_and_is_answered_from_the_next(world: World) -> None:
    world.plan = replace(world.plan, steps=tuple(gated()))
    first = world.desk()
    run = await start(world, first)
    await until(has_state(first, run, "waiting"))
    since = first.get(run).steps[0].started_at
    await first.close()
    second = world.desk()
    await second.open()
    found = second.get(run)
    assert (found.state, found.owner) == ("waiting", None)
    assert found.steps[0].started_at == since
    await second.answer(run, None, "go-on", "", "h1")
    assert (await ended(second, run)).state == "succeeded"


async def test_a_second_hostshift_answers_what_the_first_drives(world: World) -> None:
    world.plan = replace(world.plan, steps=tuple(gated()))
    first, second = world.desk(), world.desk()
    run = await start(world, first)
    await until(has_state(first, run, "waiting"))
    await second.open()
    await until(lambda: second.get(run).state == "waiting" and second.get(run).owner is not None)
    assert second.get(run).owner_alive
    await second.answer(run, None, "go-on", "", "h1")
    assert (await ended(first, run)).state == "succeeded"
    second.resume(run)
    await until(has_state(second, run, "succeeded"))


async def test_a_gate_with_a_deadline_ends_by_itself(world: World) -> None:
    gate = replace(GATE, act=GateAct("Shall it?", deadline_s=1))
    world.plan = replace(world.plan, steps=(gate, *plan_of("echo acted").steps))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "waiting", "cancelled"))
    found = await ended(desk, run)
    assert found.state == "cancelled"
    assert "Nobody answered" in "\n".join(found.reason)


async def test_an_open_window_needs_no_answer(world: World) -> None:
    gate = replace(GATE, act=GateAct("Outside the window?", window="00:00-24:00 UTC"))
    world.plan = replace(world.plan, steps=(gate, *plan_of("echo acted").steps))
    desk = world.desk()
    assert (await ended(desk, await start(world, desk))).state == "succeeded"


class Later(HastyClock):
    """The time once a window has opened."""

    def now(self) -> datetime:
        return windows.parse(NEVER).next_opening(super().now()) + timedelta(seconds=10)


async def test_a_window_that_opened_while_nobody_was_there_needs_no_answer(world: World) -> None:
    gate = replace(GATE, act=GateAct("Outside the window?", window=NEVER))
    world.plan = replace(world.plan, steps=(gate, *plan_of("echo acted").steps))
    first = world.desk()
    run = await start(world, first)
    await until(has_state(first, run, "waiting"))
    await first.close()
    second = world.desk()
    second._session.clock = Later()
    await second.open()
    second.resume(run)
    found = await ended(second, run)
    assert found.state == "succeeded", found.reason
    assert "has opened" in found.steps[0].evidence[0]
    assert not world.has_lock()


# Stopping


async def test_a_stop_ends_the_job_before_its_next_command(world: World) -> None:
    commands = (("sh", "-c", waiting(world)), ("sh", "-c", f"touch {world.lan.root}/second"))
    step = Step("upgrade", "Upgrade", "host", JobAct(commands=commands))
    world.plan = replace(world.plan, steps=(step,))
    desk = world.desk()
    run = await start(world, desk)
    await until(lambda: b"early" in desk.read_log(run, "upgrade", 0, 10_000))
    await desk.stop(run, False, "")
    await until((world.job(run) / "stop").exists)
    let_go(world)
    found = await ended(desk, run)
    assert not (world.lan.root / "second").exists()
    assert found.state == "cancelled"
    assert "what was done stays" in " ".join(found.reason)
    assert (world.job(run) / "exit").read_text().strip() == "12"


async def test_a_hard_stop_wants_the_name_and_is_no_success(world: World) -> None:
    world.plan = plan_of(waiting(world))
    desk = world.desk()
    run = await start(world, desk)
    await until(lambda: b"early" in desk.read_log(run, "upgrade", 0, 10_000))
    with pytest.raises(RefusedError, match="host's name"):
        await desk.stop(run, True, "h2")
    await desk.stop(run, True, "h1")
    found = await ended(desk, run)
    assert found.state == "attention"
    assert not world.has_lock()


async def test_what_has_ended_can_not_be_stopped(world: World) -> None:
    desk = world.desk()
    run = await start(world, desk)
    assert (await ended(desk, run)).state == "succeeded"
    with pytest.raises(RefusedError, match="has ended"):
        await desk.stop(run, False, "")


# Leases


@pytest.mark.parametrize("explicit", ["taken over", "attached to"])
async def test_a_run_whose_hostshift_died_is_looked_at_until_it_is_taken_over(
    world: World, monkeypatch: pytest.MonkeyPatch, explicit: str
) -> None:
    monkeypatch.setattr(hold, "LEASE_S", 1.0)
    monkeypatch.setattr(ledger, "POLL_S", 0.1)
    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    await until(lambda: b"early" in first.read_log(run, "upgrade", 0, 10_000))
    await vanish(first)
    let_go(world)
    await until((world.job(run) / "exit").exists)
    second = world.desk()
    await second.open()
    await until(lambda: second.get(run).owner_alive is False)
    assert await second.adopt(world.locked(run)) == run
    await until(has_state(second, run, "succeeded"))
    assert world.has_lock()
    assert world.mirror(run).read_bytes() == (world.job(run) / "log").read_bytes()
    if explicit == "taken over":
        await second.take_over(run, "")
    else:
        second.resume(run, take_over=True)
    assert (await ended(second, run)).state == "succeeded"
    await until(lambda: not world.has_lock())
    kinds = [entry.kind for entry in await second.journal(run)]
    assert kinds.count("claimed") == 2


async def test_a_run_is_taken_from_a_living_hostshift_only_with_a_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BEAT_S", 0.2)
    world.plan = plan_of(waiting(world))
    first, second = world.desk(), world.desk()
    run = await start(world, first)
    await until(has_state(first, run, "running"))
    await second.open()
    with pytest.raises(RefusedError, match="heard of lately"):
        await second.take_over(run, "  ")
    await second.take_over(run, "its laptop was left at home")
    await until(lambda: (d := second._live.driver(run)) is not None and d.acts)
    await until(lambda: first.get(run).owner is not None)
    let_go(world)
    assert (await ended(second, run)).state == "succeeded"
    await until(has_state(first, run, "succeeded"))
    told = [e.text for e in await second.journal(run) if e.kind == "taken-over"]
    assert len(told) == 1
    assert "left at home" in told[0]
    assert world.lan.ran.count("job.sh") == 1


# The store


async def test_one_active_run_a_host_in_the_store(world: World) -> None:
    world.plan = replace(world.plan, steps=tuple(gated()))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "waiting"))
    with pytest.raises(HostBusyError) as refusal:
        await start(world, desk)
    assert refusal.value.run == run


class Lans(NoTunnels):
    """The transport to several hosts."""

    def __init__(self, *lans: LocalHost) -> None:
        self._lans = {lan.host.name: lan for lan in lans}

    async def run(self, host: Host, script: Script, **options: Any) -> Completed:
        return await self._lans[host.name].run(host, script, **options)

    async def forget(self, host_name: str) -> None:
        pass

    async def close(self) -> None:
        pass


class Crowd:
    """Two hosts and one place: what acts on h1 goes on until the test lets it go."""

    def __init__(self, world: World, other: LocalHost) -> None:
        self.world = world
        self._lans = (world.lan, other)
        self.other = other
        self.desk = self.another_desk()

    def another_desk(self) -> RunDesk:
        """A hostshift of its own on the same store."""
        desk = self.world.desk()
        hosts = tuple(lan.host for lan in self._lans)
        desk._session.inventory = Inventory(path=Path("i.toml"), hosts=hosts, at_once=1)
        desk._session.transport = Lans(*self._lans)
        return desk

    async def start(self, host: str, plan: Plan) -> str:
        """Start a plan on a host."""
        self.world.plan = replace(plan, host=host)
        return await start(self.world, self.desk)

    async def take_the_place(self) -> str:
        """Have a run act on h1."""
        run = await self.start("h1", plan_of(waiting(self.world)))
        await until(has_state(self.desk, run, "running"))
        return run


@pytest.fixture
def crowd(world: World) -> Iterator[Crowd]:
    other = LocalHost(world.state_dir / "other")
    other.host = replace(other.host, name="h2")
    try:
        yield Crowd(world, other)
    finally:
        other.end()


async def test_runs_beyond_the_bound_wait_for_a_place(crowd: Crowd) -> None:
    desk = crowd.desk
    first = await crowd.take_the_place()
    second = await crowd.start("h2", plan_of("echo acted"))
    await until(lambda: "no more may" in " ".join(desk.get(second).reason))
    assert desk.get(second).state == "planned"
    assert not (crowd.other.home / "lock").exists()
    let_go(crowd.world)
    assert (await ended(desk, first)).state == "succeeded"
    assert (await ended(desk, second)).state == "succeeded"


async def test_a_run_that_waits_for_a_place_is_nobody_elses(crowd: Crowd) -> None:
    await crowd.take_the_place()
    second = await crowd.start("h2", plan_of("echo acted"))
    looks_on = crowd.another_desk()
    await looks_on.open()
    looks_on.resume(second, take_over=True)
    await until(lambda: "no more may" in " ".join(looks_on.get(second).reason))
    assert looks_on.get(second).owner_alive
    let_go(crowd.world)
    found = await ended(crowd.desk, second)
    assert found.state == "succeeded", found.reason
    await until(has_state(looks_on, second, "succeeded"))
    kinds = [entry.kind for entry in await looks_on.journal(second)]
    assert kinds.count("claimed") == 1


async def test_a_run_that_waits_for_a_place_can_be_stopped(crowd: Crowd) -> None:
    await crowd.take_the_place()
    second = await crowd.start("h2", plan_of("echo acted"))
    await crowd.desk.stop(second, False, "")
    found = await ended(crowd.desk, second)
    assert found.state == "cancelled"
    assert "Nothing was changed" in " ".join(found.reason)
    assert not (crowd.other.home / "lock").exists()
    again = await crowd.start("h2", plan_of("echo acted"))  # the host is free in the store, too
    let_go(crowd.world)
    assert (await ended(crowd.desk, again)).state == "succeeded"


async def test_a_gate_that_was_answered_waits_for_a_place_and_for_nobody(crowd: Crowd) -> None:
    desk = crowd.desk
    second = await crowd.start("h2", replace(crowd.world.plan, steps=tuple(gated())))
    await until(has_state(desk, second, "waiting"))
    await crowd.take_the_place()
    await desk.answer(second, None, "go-on", "", "h2")
    await until(lambda: desk.get(second).waits_for is None)
    found = desk.get(second)
    assert found.state == "waiting"
    assert "As many runs act as may" in " ".join(found.reason)
    with pytest.raises(RefusedError, match="has its answer"):
        await desk.answer(second, None, "end", "", "")
    let_go(crowd.world)
    assert (await ended(desk, second)).state == "succeeded"


async def test_a_store_that_can_not_be_written_begins_nothing_and_is_told(
    world: World, tmp_path: Path
) -> None:
    desk = world.desk()
    await desk.open()
    store = tmp_path / "state/runs.db"
    lock = sqlite3.connect(store)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(Exception, match="store"):
            await asyncio.wait_for(start(world, desk), 60)
        assert not world.has_lock()
    finally:
        lock.rollback()
        lock.close()


async def test_a_deleted_store_loses_no_job(world: World, tmp_path: Path) -> None:
    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    await until(lambda: b"early" in first.read_log(run, "upgrade", 0, 10_000))
    await vanish(first)
    for file in (tmp_path / "state").glob("runs.db*"):
        os.unlink(file)
    let_go(world)
    second = world.desk()
    assert await second.adopt(world.locked(run)) == run
    assert (await ended(second, run)).state == "succeeded"
    assert not world.has_lock()


async def test_a_store_that_was_lost_at_a_gate_loses_no_run(world: World, tmp_path: Path) -> None:
    world.plan = replace(world.plan, steps=tuple(gated()))
    first = world.desk()
    run = await start(world, first)
    await until(lambda: '"claim":true' in (world.lan.home / "lock").read_text())
    await until(has_state(first, run, "waiting"))
    await vanish(first)
    for file in (tmp_path / "state").glob("runs.db*"):
        os.unlink(file)
    second = world.desk()
    assert await second.adopt(world.locked(run, step="gate", claim=True)) == run
    await until(has_state(second, run, "waiting"))
    assert not world.job(run).exists()
    await second.answer(run, None, "go-on", "", "h1")
    assert (await ended(second, run)).state == "succeeded"
    assert not world.has_lock()


async def test_a_store_that_was_lost_behind_a_gate_repeats_nothing(
    world: World, tmp_path: Path
) -> None:
    before = script_step(tmp_path, "before", f"echo x >>{tmp_path}/told")
    world.plan = replace(world.plan, steps=(GATE, before, *plan_of(waiting(world)).steps))
    first = world.desk()
    run = await start(world, first)
    await until(has_state(first, run, "waiting"))
    await first.answer(run, None, "go-on", "", "h1")
    await until(lambda: b"early" in first.read_log(run, "upgrade", 0, 10_000))
    await until(lambda: '"step":"upgrade"' in (world.lan.home / "lock").read_text())
    await vanish(first)
    for file in (tmp_path / "state").glob("runs.db*"):
        os.unlink(file)
    second = world.desk()
    assert await second.adopt(world.locked(run)) == run
    await until(has_state(second, run, "running"))
    assert second.get(run).steps[0].state == "succeeded"
    let_go(world)
    found = await ended(second, run)
    assert found.state == "succeeded"
    assert (tmp_path / "told").read_text() == "x\n"
    assert [step.state for step in found.steps] == ["succeeded"] * 4
    assert not world.has_lock()


async def test_a_store_that_is_gone_keeps_no_one_waiting_and_the_lock_for_who_comes_next(
    world: World, tmp_path: Path
) -> None:
    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    await until(lambda: b"early" in first.read_log(run, "upgrade", 0, 10_000))
    for file in (tmp_path / "state").glob("runs.db*"):
        os.unlink(file)
    await until(lambda: "Nothing new is begun" in " ".join(first.get(run).reason))
    assert first.get(run).state == "running"
    let_go(world)
    async with asyncio.timeout(30):
        found = await first.wait(run, patience_s=900)
    assert found.state == "attention"
    assert found.reason[0] == "It has ended: succeeded."
    assert "was deleted or moved" in found.reason[-1]
    assert "Put it back" in (found.hint or "")
    assert world.has_lock()
    await first.close()
    second = world.desk()
    assert await second.adopt(world.locked(run)) == run
    assert (await ended(second, run)).state == "succeeded"
    assert not world.has_lock()
    assert world.lan.ran.count("job.sh") == 1


async def test_a_store_that_may_answer_again_is_waited_for(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_S", 0.1)
    world.plan = plan_of(waiting(world))
    desk = world.desk()
    run = await start(world, desk)
    await until(lambda: b"early" in desk.read_log(run, "upgrade", 0, 10_000))
    with contextlib.closing(sqlite3.connect(tmp_path / "state/runs.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        let_go(world)
        async with asyncio.timeout(30):
            found = await desk.wait(run, patience_s=0.5)
        assert "is held by another program" in found.reason[-1]
        assert found.state == "attention"
        waits = asyncio.create_task(desk.wait(run, patience_s=900))
        await asyncio.sleep(0.5)
        assert not waits.done()
        other.rollback()
    async with asyncio.timeout(30):
        assert (await waits).state == "succeeded"
    assert not world.has_lock()


# A clock that is set


class SetClock(HastyClock):
    """The real time, except that somebody sets the wall clock."""

    wrong = timedelta()

    def now(self) -> datetime:
        return super().now() + self.wrong


async def test_a_clock_that_goes_backwards_lengthens_no_gate(world: World) -> None:
    gate = replace(GATE, act=GateAct("Shall it be done?", deadline_s=2))
    world.plan = replace(world.plan, steps=(gate, *world.plan.steps))
    clock = SetClock()
    desk = world.desk(clock=clock)
    run = await start(world, desk)
    await until(has_state(desk, run, "waiting"))
    clock.wrong = timedelta(hours=-5)
    found = await ended(desk, run)
    assert found.state == "cancelled"
    assert any("Nobody answered" in line for line in found.reason)


async def test_a_run_ends_after_it_began_also_when_the_clock_was_wrong_between(
    world: World,
) -> None:
    world.plan = plan_of(waiting(world))
    clock = SetClock()
    clock.wrong = timedelta(hours=5)
    first = world.desk(clock=clock)
    run = await start(world, first)
    await until(lambda: b"early" in first.read_log(run, "upgrade", 0, 10_000))
    await first.close()
    let_go(world)
    second = world.desk()
    await second.open()
    second.resume(run)
    found = await ended(second, run)
    assert found.state == "succeeded"
    spans = [(found.started_at, found.ended_at)]
    spans += [(step.started_at, step.ended_at) for step in found.steps if step.started_at]
    assert all(ended_at is not None and since <= ended_at for since, ended_at in spans)


# Hooks


def script_step(tmp_path: Path, name: str, text: str, *, always: bool = False) -> Step:
    path = tmp_path / f"{name}.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    act = ScriptAct((str(path),), name, 20)
    return Step(name, name, "controller", act, always=always)


async def test_hooks_run_before_and_after_also_after_a_failure(
    world: World, tmp_path: Path
) -> None:
    before = script_step(tmp_path, "before", f"cat >{tmp_path}/told; echo silenced")
    after = script_step(tmp_path, "after", f"echo x >>{tmp_path}/ends", always=True)
    job = plan_of("exit 3").steps
    world.plan = replace(world.plan, steps=(before, *job, after))
    desk = world.desk()
    found = await ended(desk, await start(world, desk))
    assert found.state == "failed"
    assert '"event":"before"' in (tmp_path / "told").read_text()
    assert (tmp_path / "ends").read_text() == "x\n"
    assert steps_of(found)["after"] == "succeeded"


async def test_a_failing_hook_before_touches_nothing(world: World, tmp_path: Path) -> None:
    before = script_step(tmp_path, "before", "echo no pager; exit 1")
    after = script_step(tmp_path, "after", f"echo x >>{tmp_path}/ends", always=True)
    world.plan = replace(world.plan, steps=(before, *plan_of("echo acted").steps, after))
    desk = world.desk()
    run = await start(world, desk)
    found = await ended(desk, run)
    assert found.state == "failed"
    assert "Nothing was changed" in " ".join(found.reason)
    assert not world.job(run).exists()
    assert (tmp_path / "ends").read_text() == "x\n"


async def test_a_failing_hook_after_is_named_and_changes_no_state(
    world: World, tmp_path: Path
) -> None:
    after = script_step(tmp_path, "after", "exit 7", always=True)
    world.plan = replace(world.plan, steps=(*plan_of("echo acted").steps, after))
    desk = world.desk()
    found = await ended(desk, await start(world, desk))
    assert found.state == "succeeded"
    assert "exit status 7" in " ".join(found.reason)


async def test_a_lock_that_could_not_be_given_back_is_by_the_next_hostshift(world: World) -> None:
    world.plan = plan_of(waiting(world), verify=False)
    first = world.desk()
    run = await start(world, first)
    await until(lambda: b"early" in first.read_log(run, "upgrade", 0, 10_000))
    driver = first._live.driver(run)
    assert driver is not None

    async def cut_off(what: str) -> None:
        world.lan.cut()  # between the end of the run and the giving back

    driver.notify = cut_off  # type: ignore[method-assign]
    let_go(world)
    await until(has_state(first, run, "succeeded"))
    async with asyncio.timeout(30):  # who follows it is not kept waiting for the host
        shown = await first.wait(run, 0.5)
    assert "could not be given back yet" in " ".join(shown.reason)
    await first.close()
    world.lan.link = True
    assert world.has_lock()
    second = world.desk()
    await second.open()
    await until(lambda: not world.has_lock())
    found = await ended(second, run)
    assert found.state == "succeeded"
    assert "given back" not in " ".join(found.reason)


async def test_two_hosts_get_no_successor_of_one_name(world: World) -> None:
    reach = ReachAct("server3", None, (), 60)
    world.plan = replace(world.plan, steps=(Step("reach", "Reach it", "successor", reach),))
    desk = world.desk()
    await desk.open()
    now = world.plan.created_at
    other = replace(world.plan, host="server1")
    record = Record(other, steps.planned(other, "20261127t000000-aaaa", "ann@desk", now))
    desk._ledger.remember(record)
    with pytest.raises(RefusedError, match="server3 is being built for server1, by run") as no:
        await start(world, desk)
    assert "h1 gets the next one" in no.value.hint
    assert not list(world.lan.home.glob("*"))

    desk._ledger.remember(replace(record, run=replace(record.run, state="succeeded")))
    assert await start(world, desk)
