"""A guard around the reboot into another deployment, on doubles of rpm-ostree, ostree and bootc."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import HostOutputError
from engine.guard import Armed, GuardState, arm, confirm, look, verdict
from engine.jobs import lock
from engine.model.plan import GuardAct, RebootAct
from engine.reboot import begin, readiness
from tests.unit.guard.conftest import with_sshd
from tests.unit.guard.image_host import FORMER, LATER, NEW, ImageHost
from tests.unit.jobs.local_host import LocalHost, until

RUN, STEP = "20261123t030000-ab12", "guard"


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageHost]:
    lan = LocalHost(tmp_path / "host")
    with_sshd(lan)
    yield ImageHost(lan, monkeypatch)
    lan.end()


async def armed(lan: LocalHost, seconds: int, *, strict: bool = False) -> Armed:
    await lock.take(lan, lan.host, RUN, {"host": "h1"}, 0)
    act = GuardAct(("deployment",), seconds, strict)
    return await arm(lan, lan.host, RUN, STEP, act, {"operator": "ops"}, settle_s=0)


async def expiring(lan: LocalHost, *, strict: bool = False) -> None:
    """Armed, with plenty of time until the reboot and one second after it."""
    await armed(lan, 60, strict=strict)
    (directory(lan) / "left").write_text("1\n")


async def reboot(lan: LocalHost) -> None:
    assert (await begin(lan, lan.host, RUN, "reboot", {})).how == "started"
    await until((lan.home / "runs" / RUN / "reboot/exit").exists)


def directory(lan: LocalHost) -> Path:
    return lan.home / "runs" / RUN / STEP


async def end_of(lan: LocalHost) -> GuardState:
    await until((directory(lan) / "exit").exists, within_s=40)
    return await look(lan, lan.host, RUN, STEP)


async def watch_again(image: ImageHost) -> None:
    lan = image.lan
    with (directory(lan) / "guard.log").open("ab") as log:
        guardian = await asyncio.create_subprocess_exec(
            *(*lan.shell, f"{directory(lan)}/armed/guardian", f"{directory(lan)}/armed"),
            *(str(lan.root), "watch"),
            env={"PATH": f"{lan.doubles}:/usr/bin:/bin", **image.environment},
            stdout=log,
            stderr=log,
        )
        async with asyncio.timeout(40):
            assert await guardian.wait() == 0


def rebooted_by_hand(image: ImageHost) -> None:
    image.keep(image.deployment(LATER, booted=True), *image.deployments()[1:])


async def test_confirmed_after_the_reboot(image: ImageHost) -> None:
    lan = image.lan
    state = (await armed(lan, 60)).state
    assert (state.state, state.at, state.awaits_reboot) == ("armed", None, True)
    assert "begins when the host is up again" in verdict(state)
    assert state.tests == ("sshd",)  # whatever another deployment may break, and can be asked here
    await reboot(lan)
    assert image.booted == NEW
    state = await look(lan, lan.host, RUN, STEP)
    assert (state.state, state.awaits_reboot) == ("armed", False)
    assert state.at is not None
    assert (await confirm(lan, lan.host, RUN, STEP)).state == "confirmed"
    assert image.boots == [NEW]


async def test_the_former_deployment_comes_back(
    lan: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    lan.double("sh", f'exec {" ".join(lan.shell)} "$@"\n')
    image = ImageHost(with_sshd(lan), monkeypatch)
    image.tree(NEW, "bad")
    await expiring(lan)
    await reboot(lan)
    state = await end_of(lan)
    assert image.boots == [NEW, FORMER]
    assert (state.state, state.failed, state.healthy) == ("fired", ("sshd",), True)
    assert state.undone
    assert "the former deployment runs again" in verdict(state)
    # read anew by every look
    rebooted_by_hand(image)
    state = await look(lan, lan.host, RUN, STEP)
    assert (state.deployment, state.undone) == ("other", False)


async def test_a_healthy_deployment_stays_without_a_confirmation(image: ImageHost) -> None:
    await expiring(image.lan)
    await reboot(image.lan)
    assert (await end_of(image.lan)).state == "stood-down"
    assert image.boots == [NEW]


async def test_strict_goes_back_without_a_confirmation(image: ImageHost) -> None:
    await expiring(image.lan, strict=True)
    await reboot(image.lan)
    assert (await end_of(image.lan)).undone
    assert image.boots == [NEW, FORMER]


async def test_what_was_staged_since_does_not_stand_in_the_way(image: ImageHost) -> None:
    image.tree(NEW, "bad")
    await expiring(image.lan)
    await reboot(image.lan)
    image.stage(LATER)
    assert (await end_of(image.lan)).undone
    assert LATER not in {one["checksum"] for one in image.deployments()}


async def test_a_host_without_rpm_ostree_goes_back_by_bootc(image: ImageHost) -> None:
    (image.lan.doubles / "rpm-ostree").unlink()
    image.double("bootc")
    image.tree(NEW, "bad")
    await expiring(image.lan)
    await reboot(image.lan)
    image.stage(LATER)
    assert (await end_of(image.lan)).undone


async def test_a_host_that_does_not_take_it_is_rebooted_once(image: ImageHost) -> None:
    """Its boot loader boots the new deployment whatever is wanted."""
    image.tree(NEW, "bad")
    await expiring(image.lan)
    await reboot(image.lan)
    program = image.lan.root / "sbin/reboot"
    program.write_text(
        f"#!/bin/sh\necho again >>{image.lan.root}/boots\n"
        f"cat /proc/sys/kernel/random/uuid >{image.lan.root}/proc/sys/kernel/random/boot_id\n"
    )
    state = await end_of(image.lan)
    assert (state.healthy, state.deployment, state.undone) == (False, "other", False)
    assert "the former deployment does not run, but the host's" in verdict(state)
    # its unit in the deployment, started by the next boot, leaves it at that
    image.lan.set_boot("another")
    (directory(image.lan) / "after").unlink()
    await watch_again(image)
    assert image.boots == [NEW, "again"]
    assert "not into its former deployment" in (directory(image.lan) / "guard.log").read_text()


async def test_one_that_can_not_go_back_says_so(image: ImageHost) -> None:
    image.tree(NEW, "bad")
    image.lan.double("rpm-ostree", "echo 'error: busy' >&2; exit 1\n")
    await expiring(image.lan)
    await reboot(image.lan)
    state = await end_of(image.lan)
    assert (state.healthy, state.deployment) == (False, "other")
    assert any("could not make the former deployment boot next" in line for line in state.log)
    assert image.boots == [NEW]


async def test_cut_off_before_its_reboot_it_does_not_go_forth_again(image: ImageHost) -> None:
    """A second rollback would undo the first."""
    image.tree(NEW, "bad")
    await armed(image.lan, 60)
    await reboot(image.lan)
    image.lan.end()
    (directory(image.lan) / "verdict").write_text("fired 2026-11-23T03:00:00Z\n")
    back = [one for one in image.deployments() if one["checksum"] == FORMER]
    image.keep(*back, *(one for one in image.deployments() if one not in back))
    await watch_again(image)
    assert (await look(image.lan, image.lan.host, RUN, STEP)).undone
    assert image.boots == [NEW, FORMER]


async def test_without_the_reboot_it_ends_with_the_run(image: ImageHost) -> None:
    await armed(image.lan, 60)
    await lock.release(image.lan, image.lan.host, RUN)
    assert (await end_of(image.lan)).state == "withdrawn"


async def test_a_claim_keeps_it_and_silence_ends_it(image: ImageHost) -> None:
    lan = image.lan
    # Whenever it looks at the clock, another second has begun.
    (lan.root / "clock").write_text("100\n")
    lan.double(
        "cut",
        'case $* in *" /proc/uptime") ;; *) exec /usr/bin/cut "$@" ;; esac\n'
        f"read -r now <{lan.root}/clock\n"
        f"echo $((now + 1)) | tee {lan.root}/clock\n",
    )
    await lock.take(lan, lan.host, RUN, {"host": "h1"}, 0)
    await lock.wait_at_gate(lan, lan.host, RUN, "reboot")
    await armed(lan, 1)
    await asyncio.sleep(4)  # not to wait for something: that nothing happens meanwhile is the test
    assert (await look(lan, lan.host, RUN, STEP)).state == "armed"
    await lock.resume(lan, lan.host, RUN, "reboot")
    assert (await end_of(lan)).state == "withdrawn"
    # and then the host is not rebooted without it
    begun = await begin(lan, lan.host, RUN, "reboot", {})
    assert begun.how == "refused"
    assert [r.message for r in begun.refusals] == [
        "the guard that was armed for it (step guard) has ended before"
    ]
    assert image.boots == []


async def test_a_guard_on_watch_is_no_work_that_holds_up_the_reboot(image: ImageHost) -> None:
    await armed(image.lan, 60)
    ready = await readiness(image.lan, image.lan.host, RUN, RebootAct())
    assert [r for r in ready.refusals if r.id == "job"] == []


async def test_without_a_deployment_to_go_back_to_it_is_not_armed(image: ImageHost) -> None:
    image.lan.double("ostree", "echo 'No deployments.'\n")
    with pytest.raises(HostOutputError, match="which deployment is booted"):
        await armed(image.lan, 60)
    assert (await look(image.lan, image.lan.host, RUN, STEP)).state == "missing"
