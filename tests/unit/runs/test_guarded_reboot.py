"""Reboots into another deployment with a guard, on doubles: confirmed, rolled back, never back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine import reboot
from engine.model.plan import ConfirmAct, GuardAct, RebootAct, Step, VerifyAct
from engine.runs.acts import guard
from tests.unit.guard.conftest import with_sshd
from tests.unit.guard.image_host import FORMER, NEW, ImageHost
from tests.unit.jobs.local_host import until
from tests.unit.runs.conftest import World, has_state, steps_of
from tests.unit.runs.test_guarded import ended, of_guard, start


@pytest.fixture
def image(world: World, monkeypatch: pytest.MonkeyPatch) -> ImageHost:
    world.facts = replace(world.facts, family="rpm-ostree", packages=None)
    return ImageHost(with_sshd(world.lan), monkeypatch)


def planned(world: World, *, guard_s: int = 60, reboot_s: int = 60) -> None:
    steps = (
        Step("guard", "Guard the reboot", "host", GuardAct(("deployment",), guard_s)),
        Step("reboot", "Reboot", "host", RebootAct(deadline_s=reboot_s)),
        Step("confirm", "Come in anew", "host", ConfirmAct("guard"), always=True),
        Step("verify", "Look again", "host", VerifyAct(failed_units_before=("old.service",))),
    )
    world.plan = replace(world.plan, candidate="reboot", steps=steps)


@pytest.fixture
def locked_out(world: World, image: ImageHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new deployment comes up, and nobody comes in."""
    image.tree(NEW, "bad")
    begin = reboot.begin

    async def last_words(*args: Any) -> reboot.Begun:
        begun = await begin(*args)
        world.lan.cut()
        return begun

    monkeypatch.setattr(reboot, "begin", last_words)


async def test_a_reboot_that_is_confirmed(world: World, image: ImageHost) -> None:
    planned(world)
    desk = world.desk()
    found = await ended(desk, await start(world, desk))
    assert found.state == "succeeded", found.reason
    assert set(steps_of(found).values()) == {"succeeded"}
    assert of_guard(world, found.id, "verdict").read_text().startswith("confirmed ")
    assert image.boots == [NEW]


@pytest.mark.usefixtures("locked_out")
async def test_what_the_guard_has_undone_is_rolled_back(world: World, image: ImageHost) -> None:
    planned(world, guard_s=3)
    desk = world.desk()
    run = await start(world, desk)
    await until(of_guard(world, run, "exit").exists, within_s=40)
    world.lan.link = True
    found = await ended(desk, run)
    assert found.state == "rolled-back", found.reason
    assert "own test failed (sshd): the former deployment runs again" in found.reason[0]
    assert "as it was before the run" in (found.hint or "")
    assert steps_of(found) == {
        "guard": "succeeded", "reboot": "succeeded", "confirm": "rolled-back", "verify": "cancelled"
    }  # fmt: skip
    assert image.boots == [NEW, FORMER]
    assert not world.has_lock()


@pytest.mark.usefixtures("locked_out")
async def test_a_host_that_came_back_too_late_is_rolled_back_all_the_same(
    world: World, image: ImageHost
) -> None:
    """What is read of the host after its reboot was given up is the newer evidence."""
    planned(world, guard_s=3, reboot_s=1)
    desk = world.desk()
    run = await start(world, desk)
    await until(lambda: steps_of(desk.get(run))["reboot"] == "attention")
    await until(has_state(desk, run, "unknown"))
    await until(of_guard(world, run, "exit").exists, within_s=40)
    world.lan.link = True
    found = await ended(desk, run)
    assert found.state == "rolled-back", found.reason
    assert any("has not come back within" in line for line in found.reason)
    assert image.boots == [NEW, FORMER]


@pytest.mark.usefixtures("locked_out")
async def test_a_host_that_never_comes_back_is_attention_with_its_console(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PUT_BACK_S", 1)
    planned(world, guard_s=3, reboot_s=1)
    desk = world.desk()
    run = await start(world, desk)
    await until(lambda: desk.get(run).ended, within_s=40)
    found = desk.get(run)
    world.lan.link = True
    assert found.state == "attention"
    assert "Whether the host's guard has gone back is not known" in found.reason[0]
    assert any("has not come back within" in line for line in found.reason)
    assert "console" in (found.hint or "")
    await ended(desk, run)
