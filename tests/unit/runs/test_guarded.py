"""Runs with a guard around their job: confirmed, fired, stood down, never begun."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import guard as room
from engine.guard import Armed
from engine.model.facts import Failure
from engine.model.plan import ConfirmAct, GuardAct, Step
from engine.model.run import Run
from engine.runs import RunDesk, hold, ledger
from engine.runs.acts import job
from tests.unit.guard.conftest import with_sshd
from tests.unit.jobs.local_host import until
from tests.unit.runs.conftest import CHANGE, World, has_state, plan_of, steps_of
from tests.unit.runs.test_durable import vanish


def guard_around(world: World, script: str, seconds: int = 60, *, strict: bool = False) -> None:
    """Plan a job with a guard that judges so many seconds after it."""
    with_sshd(world.lan)
    made = plan_of(script, changes=(CHANGE,))
    guard = Step("guard", "Guard ssh", "host", GuardAct(("ssh",), seconds, strict))
    confirm = Step("confirm", "Come in anew", "host", ConfirmAct("guard"), always=True)
    world.plan = replace(made, steps=(guard, made.steps[0], confirm, made.steps[1]))


def config(world: World) -> Path:
    return world.lan.root / "etc/ssh/sshd_config"


def of_guard(world: World, run: str, name: str) -> Path:
    return world.lan.home / "runs" / run / "guard" / name


def waiting(world: World, then: str) -> str:
    return f"until [ -e {world.lan.root}/go ]; do sleep 0.05; done; {then}"


def let_go(world: World) -> None:
    (world.lan.root / "go").touch()


def has_acted(world: World) -> bool:
    return (world.lan.root / "acted").exists()


async def start(world: World, desk: RunDesk) -> str:
    return await desk.start(world.plan, world.plan.digest, await world.look_at_now())


async def ended(desk: RunDesk, run: str) -> Run:
    async with asyncio.timeout(60):
        return await desk.wait(run)


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostshift that vanished is gone within a second."""
    monkeypatch.setattr(hold, "LEASE_S", 1.0)
    monkeypatch.setattr(ledger, "POLL_S", 0.1)


async def test_a_guard_is_armed_confirmed_and_gone(world: World) -> None:
    guard_around(world, f"touch {world.lan.root}/acted")
    desk = world.desk()
    run = await ended(desk, await start(world, desk))
    assert run.state == "succeeded"
    assert set(steps_of(run).values()) == {"succeeded"}
    assert run.steps[0].evidence[1] == "The host's own test asks: sshd."
    confirmed = next(step for step in run.steps if step.id == "confirm")
    assert "Confirmed over a new connection" in confirmed.evidence[0]
    assert of_guard(world, run.id, "verdict").read_text().startswith("confirmed ")
    assert not of_guard(world, run.id, "armed/saved").exists()


async def test_locked_out_the_guard_fires_and_the_run_says_what_is_true(world: World) -> None:
    guard_around(world, waiting(world, f"echo bad >{world.lan.root}/etc/ssh/sshd_config"), 2)
    desk = world.desk()
    run = await start(world, desk)
    await until((world.job(run) / "begun").exists)
    world.lan.cut()
    let_go(world)
    await until(of_guard(world, run, "after").exists)
    await until(has_state(desk, run, "unknown"))
    world.lan.link = True
    found = await ended(desk, run)
    assert found.state == "attention"
    assert found.reason[0].endswith(
        "what it had saved is back as it was, and the host's own test passes since."
    )
    told = "\n".join(found.reason)
    assert "own test failed (sshd)" in told
    assert "restored /etc/ssh" in told
    assert "All 1 planned changes are there, at the version." in told  # they are not undone
    assert steps_of(found) == {
        "guard": "succeeded", "upgrade": "succeeded", "confirm": "attention", "verify": "succeeded"
    }  # fmt: skip
    assert config(world).read_text() == "good\n"
    assert not world.has_lock()


@pytest.mark.usefixtures("short_lease")
async def test_a_controller_that_went_away_finds_that_the_guard_stood_down(world: World) -> None:
    script = waiting(world, f"echo better >{world.lan.root}/etc/ssh/sshd_config")
    guard_around(world, script, 1)
    first = world.desk()
    run = await start(world, first)
    await until((world.job(run) / "begun").exists)
    await vanish(first)
    let_go(world)
    await until(of_guard(world, run, "exit").exists)
    second = world.desk()
    await second.open()
    second.resume(run, take_over=True)
    found = await ended(second, run)
    assert found.state == "attention"
    assert "stood down" in found.reason[0]
    assert "All 1 planned changes are there, at the version." in found.reason
    assert config(world).read_text() == "better\n"
    assert not world.has_lock()


@pytest.mark.usefixtures("short_lease")
async def test_what_a_dead_hostshift_had_guarded_is_not_begun_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard_around(world, f"touch {world.lan.root}/acted")
    begun = asyncio.Event()

    async def never(*args: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    first = world.desk()
    with monkeypatch.context() as patch:
        patch.setattr(job, "start", never)
        run = await start(world, first)
        async with asyncio.timeout(20):
            await begun.wait()
        await vanish(first)
    second = world.desk()
    await second.open()
    second.resume(run, take_over=True)
    found = await ended(second, run)
    assert found.state == "cancelled"
    assert "nothing was changed" in found.reason[0]
    assert of_guard(world, run, "verdict").read_text().startswith("withdrawn ")
    assert not has_acted(world)
    assert not world.has_lock()


async def test_without_a_guard_on_watch_the_job_does_not_begin(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link was lost for so long, between arming and the job, that the guard has ended."""
    guard_around(world, f"touch {world.lan.root}/acted", 1)
    arm = room.arm

    async def then_wait(*args: Any, **more: Any) -> Armed:
        armed = await arm(*args, **more)
        await until(of_guard(world, args[2], "exit").exists)
        return armed

    monkeypatch.setattr(room, "arm", then_wait)
    desk = world.desk()
    found = await ended(desk, await start(world, desk))
    assert found.state == "cancelled"
    assert "no longer on watch" in found.reason[0]
    assert "stood down" in "\n".join(found.reason)
    assert steps_of(found)["upgrade"] == "cancelled"
    assert not has_acted(world)


async def test_a_guard_that_can_not_be_armed_ends_the_run(world: World) -> None:
    guard_around(world, f"touch {world.lan.root}/acted")
    world.lan.double("mkdir", 'case $* in *arming*) exit 1 ;; esac\nexec /bin/mkdir "$@"\n')
    desk = world.desk()
    found = await ended(desk, await start(world, desk))
    assert found.state == "failed"
    assert "could not be armed, so nothing was changed" in found.reason[0]
    assert steps_of(found) == {
        "guard": "failed", "upgrade": "cancelled", "confirm": "cancelled", "verify": "cancelled"
    }  # fmt: skip
    assert not world.has_lock()


async def test_a_stop_before_the_job_takes_the_guard_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard_around(world, f"touch {world.lan.root}/acted")
    desk = world.desk()
    arm = room.arm

    async def then_stop(*args: Any, **more: Any) -> Armed:
        armed = await arm(*args, **more)
        await desk.stop(args[2], False, "")
        live = desk._live.driver(args[2])
        await until(lambda: live is not None and live.stop_asked is not None)
        return armed

    monkeypatch.setattr(room, "arm", then_stop)
    found = await ended(desk, await start(world, desk))
    assert found.state == "cancelled"
    assert "Stopped before: Upgrade." in found.reason
    assert of_guard(world, found.id, "verdict").read_text().startswith("withdrawn ")


async def test_a_link_that_is_lost_after_the_confirmation_is_unknown(world: World) -> None:
    guard_around(world, f"touch {world.lan.root}/acted")
    desk = world.desk()
    world.lost = Failure("unreachable", "no route to host", "look at the cable")
    run = await start(world, desk)
    await until(lambda: steps_of(desk.get(run))["confirm"] == "succeeded")
    await until(has_state(desk, run, "unknown"))
    world.lost = None
    assert (await ended(desk, run)).state == "succeeded"


@pytest.mark.parametrize("inventory", [{}, {"read_only": True}])
async def test_who_only_looks_on_is_told_too(world: World, inventory: Mapping[str, Any]) -> None:
    guard_around(world, waiting(world, f"echo bad >{world.lan.root}/etc/ssh/sshd_config"), 1)
    first = world.desk()
    run = await start(world, first)
    await until((world.job(run) / "begun").exists)
    await vanish(first)
    let_go(world)
    await until(of_guard(world, run, "after").exists)
    looker = world.desk(operator="bob@desk", state="other", **inventory)
    assert await looker.adopt(world.locked(run)) == run
    found = await ended(looker, run)
    assert found.state == "attention"
    assert "The guard fired" in found.reason[0]
    assert world.has_lock()
