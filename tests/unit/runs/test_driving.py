"""Whole runs on a host in a directory: started, lost, adopted, proven, ended."""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.errors import InputError, ReadOnlyError, RefusedError, UnreachableError
from engine.jobs import lock
from engine.jobs.answers import LockedError
from engine.model.facts import BrokenPackage, Change, Failure, Filesystem, Packages
from engine.model.plan import JobAct, Step
from engine.model.run import Run
from engine.runs import PlanChangedError, RunDesk
from engine.runs.hold import Hold
from engine.runs.ledger import Ledger
from engine.runs.records import Record, new_id
from engine.runs.steps import planned
from tests.unit.jobs.local_host import until
from tests.unit.runs.conftest import CHANGE, World, has_state, plan_of, steps_of


async def start(world: World, desk: RunDesk) -> str:
    return await desk.start(world.plan, world.plan.digest)


async def carried_out(world: World, desk: RunDesk) -> Run:
    run = await start(world, desk)
    async with asyncio.timeout(30):
        return await desk.wait(run)


def waiting(world: World) -> str:
    """A job's script that waits until `let_go`."""
    return f"echo early; until [ -e {world.lan.root}/go ]; do sleep 0.05; done; echo late"


def let_go(world: World) -> None:
    (world.lan.root / "go").touch()


# Ends


async def test_success_is_claimed_after_the_look(world: World) -> None:
    world.plan = plan_of("echo acted", changes=(CHANGE,))
    run = await carried_out(world, world.desk())
    assert run.state == "succeeded"
    assert steps_of(run) == {"upgrade": "succeeded", "verify": "succeeded"}
    assert "versions.sh" in world.lan.ran
    assert not world.has_lock()
    assert run.ended_at is not None
    assert all(step.started_at and step.ended_at for step in run.steps)
    log = world.mirror(run.id).read_bytes()
    assert log == (world.job(run.id) / "log").read_bytes()
    assert b"acted\n" in log


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (replace(CHANGE, to_version="2.1"), "lab-lib should be at 2.1 and is at 2.0"),
        (replace(CHANGE, name="absent"), "absent should be at 2.0 and is not installed"),
        (Change("lab-lib", "remove", "1.0", None, None), "lab-lib should be gone"),
        (replace(CHANGE, name="lab-lib:i386"), "lab-lib:i386 should be at 2.0"),
    ],
)
async def test_a_package_that_is_not_as_planned_needs_a_person(
    world: World, change: Change, words: str
) -> None:
    world.plan = plan_of("echo acted", changes=(change,))
    run = await carried_out(world, world.desk())
    assert run.state == "attention"
    assert words in "\n".join(run.reason)
    assert not world.has_lock()


async def test_what_is_gone_but_for_its_configuration_is_gone(world: World) -> None:
    world.plan = plan_of("true", changes=(Change("old", "remove", "1", None, None),))
    assert (await carried_out(world, world.desk())).state == "succeeded"


async def test_a_unit_that_fails_now_is_named(world: World) -> None:
    world.facts = replace(world.facts, failed_units=("new.service", "old.service"))
    run = await carried_out(world, world.desk())
    assert run.state == "attention"
    assert "new.service" in "\n".join(run.reason)
    assert "old.service" not in "\n".join(run.reason)


async def test_a_host_without_dpkg_is_not_said_to_have_a_clean_one(world: World) -> None:
    world.facts = replace(world.facts, family="rpm-ostree", packages=None)
    run = await carried_out(world, world.desk())
    assert run.state == "succeeded"
    assert not any("dpkg" in line for step in run.steps for line in step.evidence)


async def test_a_failed_job_on_a_clean_host_has_failed(world: World) -> None:
    world.plan = plan_of("echo E: no >&2; exit 100")
    run = await carried_out(world, world.desk())
    assert run.state == "failed"
    assert steps_of(run) == {"upgrade": "failed", "verify": "cancelled"}


async def test_the_reasons_of_a_failed_job_hold_the_last_words_of_apt(world: World) -> None:
    said = ["W: old", *(f"E: no {n}" for n in range(1, 6)), "E: no 5", "E: \x1b[31mred", "done"]
    (world.lan.root / "said").write_text("\n".join(said) + "\n")
    world.plan = plan_of(f"cat {world.lan.root}/said; exit 100")
    run = await carried_out(world, world.desk())
    assert run.state == "failed"
    reasons = [line for line in run.reason if "E:" in line]
    assert reasons == ["E: no 4", "E: no 5", "E: red"]
    assert [line for line in run.steps[0].evidence if "E:" in line] == reasons


async def test_an_error_that_ended_nothing_is_no_reason(world: World) -> None:
    world.plan = plan_of("echo E: harmless")
    run = await carried_out(world, world.desk())
    assert run.state == "succeeded"
    assert "E: harmless" not in run.reason


async def test_a_failed_simulation_says_why(world: World) -> None:
    world.lan.double("apt-get", "echo 'E: dpkg was interrupted' >&2; exit 100\n")
    act = JobAct((("echo", "acted"),), ("apt-get", "-s"), ())
    world.plan = replace(world.plan, steps=(Step("upgrade", "U", "host", act), world.plan.steps[1]))
    run = await carried_out(world, world.desk())
    assert run.state == "failed"
    assert "E: dpkg was interrupted" in run.reason


async def test_a_failed_job_that_left_dpkg_torn_needs_a_person(world: World) -> None:
    world.plan = plan_of("exit 100")
    torn = Packages(broken=(BrokenPackage("lab-fail", "iF"),), interrupted=True)
    world.facts = replace(world.facts, packages=torn)
    run = await carried_out(world, world.desk())
    assert run.state == "attention"
    assert "repair" in (run.hint or "")
    assert "lab-fail" in "\n".join(run.reason)


@pytest.mark.parametrize(
    ("filesystems", "full"),
    [
        ((Filesystem("/", 16_900_000, 100),), "no room is left on /: 16 MB are free"),
        ((Filesystem("/", 90_000_000, 0),), "no room is left on /: no inode is free"),
        ((Filesystem("/", 0, 0), Filesystem("/var", 90_000_000, 100)), None),
        ((Filesystem("/", 90_000_000, 100), Filesystem("/boot", 0, 0)), None),
        ((Filesystem("/", None, None),), None),
        (None, None),
    ],
)
async def test_a_disk_without_room_for_dpkg_is_named(
    world: World, filesystems: tuple[Filesystem, ...] | None, full: str | None
) -> None:
    world.facts = replace(world.facts, filesystems=filesystems)
    run = await carried_out(world, world.desk())
    assert run.state == ("succeeded" if full is None else "attention")
    assert [line for line in run.reason if "room" in line] == ([full] if full else [])


async def test_a_killed_job_needs_a_person(world: World) -> None:
    world.plan = plan_of("sleep 60")
    desk = world.desk()
    run = await start(world, desk)
    await until((world.job(run) / "pid").exists)
    os.killpg(int((world.job(run) / "pid").read_text()), 9)
    async with asyncio.timeout(30):
        ended = await desk.wait(run)
    assert ended.state == "attention"
    assert "left no result" in "\n".join(ended.reason)
    assert not world.has_lock()


async def test_a_changed_transaction_changes_nothing(world: World) -> None:
    world.lan.double("apt-get", "echo 'Inst lab [1] (3 X:1 [all])'\n")
    act = JobAct((("echo", "acted"),), ("apt-get", "-s"), ("Inst lab 1 2",))
    world.plan = replace(world.plan, steps=(Step("upgrade", "U", "host", act), world.plan.steps[1]))
    run = await carried_out(world, world.desk())
    assert run.state == "cancelled"
    assert "+ Inst lab 1 3" in run.reason
    assert "- Inst lab 1 2" in run.reason
    assert not world.has_lock()
    assert steps_of(run)["verify"] == "cancelled"


async def test_configuration_files_that_were_kept_are_named(world: World) -> None:
    etc = world.lan.root / "etc"
    (etc / "lab").mkdir(parents=True)
    (etc / "lab/conf.ini.dpkg-dist").touch()
    world.plan = plan_of(f"touch '{etc}/lab/of mine.dpkg-dist' {etc}/ssh.ucf-dist")
    run = await carried_out(world, world.desk())
    assert run.state == "succeeded"
    kept = [line for line in run.reason if "beside" in line]
    assert sorted(kept) == [
        "kept your /etc/lab/of mine; the package's version is beside it as .dpkg-dist",
        "kept your /etc/ssh; the package's version is beside it as .ucf-dist",
    ]
    assert not any("conf.ini" in line for line in run.reason)


# Refusals


async def test_read_only_is_refused_before_anything(world: World) -> None:
    with pytest.raises(ReadOnlyError):
        await start(world, world.desk(read_only=True))
    assert world.lan.ran == []


async def test_another_digest_is_refused(world: World) -> None:
    with pytest.raises(RefusedError, match="not for this plan"):
        await world.desk().start(world.plan, "0" * 64)
    assert world.lan.ran == []


async def test_a_plan_that_changed_is_refused_with_the_new_one(world: World) -> None:
    old = plan_of("echo acted", changes=(CHANGE,))
    world.plan = plan_of("echo acted", changes=(replace(CHANGE, to_version="2.1"),))
    with pytest.raises(PlanChangedError) as refusal:
        await world.desk().start(old, old.digest)
    assert refusal.value.plan == world.plan
    assert refusal.value.difference == (
        "- upgrade lab-lib 1.0 2.0", "+ upgrade lab-lib 1.0 2.1",
    )  # fmt: skip
    assert refusal.value.exit_status == 5
    assert not world.has_lock()


async def test_a_gate_is_refused_rather_than_skipped(world: World) -> None:
    steps = (replace(world.plan.steps[0], gate=True),)
    world.plan = replace(world.plan, steps=steps)
    with pytest.raises(RefusedError, match="can't be carried out"):
        await start(world, world.desk())


async def test_the_second_operator_is_told_of_the_first(world: World) -> None:
    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    with pytest.raises(LockedError) as refusal:
        await start(world, world.desk(operator="bob@desk", state="other"))
    assert refusal.value.holder.operator == "eve@laptop"
    assert refusal.value.holder.run == run
    assert "eve@laptop" in str(refusal.value)
    let_go(world)
    assert (await first.wait(run)).state == "succeeded"


async def test_an_unreachable_host_is_no_run(world: World) -> None:
    world.lost = Failure("unreachable", "no route", "look")
    with pytest.raises(UnreachableError):
        await start(world, world.desk())


async def test_unknown_runs_are_told_so(world: World) -> None:
    desk = world.desk()
    for word in ("20261123T031500-ab12cd", "../../etc", ""):
        with pytest.raises(InputError):
            desk.get(word)
    with pytest.raises(InputError):
        desk.read_log("../..", "passwd", 0, 10)


# Lost and found


async def test_a_lost_link_is_unknown_and_then_goes_on(world: World) -> None:
    world.plan = plan_of(waiting(world))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "running"))
    await until(lambda: b"early" in desk.read_log(run, "upgrade", 0, 10_000))
    world.lan.cut()
    await until(has_state(desk, run, "unknown"))
    lost = desk.get(run)
    assert lost.since > lost.started_at
    assert "look at the cable" in "\n".join(lost.reason)
    assert not lost.ended
    assert (await desk.wait(run, 0.2)).state == "unknown"
    let_go(world)
    await until((world.job(run) / "exit").exists)
    assert desk.get(run).state == "unknown"
    world.lan.link = True
    async with asyncio.timeout(30):
        ended = await desk.wait(run)
    assert ended.state == "succeeded"
    assert world.mirror(run).read_bytes() == (world.job(run) / "log").read_bytes()


async def test_a_lost_link_comes_back_while_the_job_runs(world: World) -> None:
    world.plan = plan_of(waiting(world))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "running"))
    world.lan.cut()
    await until(has_state(desk, run, "unknown"))
    world.lan.link = True
    await until(has_state(desk, run, "running"))
    let_go(world)
    assert (await desk.wait(run)).state == "succeeded"


async def test_a_host_that_comes_back_without_the_job_was_never_said_to_run_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[str] = []
    save = Hold.save

    def remember(self: Hold, record: Record) -> None:
        states.append(f"{record.run.state} {record.run.reason}")
        save(self, record)

    monkeypatch.setattr(Hold, "save", remember)
    world.plan = plan_of(waiting(world))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "running"))
    await until((world.job(run) / "pid").exists)
    world.lan.cut()
    await until(has_state(desk, run, "unknown"))
    pid = int((world.job(run) / "pid").read_text())
    os.killpg(pid, 9)
    await until(lambda: not Path(f"/proc/{pid}").exists())
    lost = len(states)
    world.lan.link = True
    async with asyncio.timeout(30):
        assert (await desk.wait(run)).state == "attention"
    assert not [said for said in states[lost:] if said.startswith("running")]


async def test_a_lock_that_can_not_be_kept_fresh_holds_nothing_up(world: World) -> None:
    world.plan = plan_of(waiting(world))
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "running"))
    world.lan.double("flock", "exit 1\n")
    let_go(world)
    await until(has_state(desk, run, "succeeded"))
    assert world.has_lock()
    (world.lan.doubles / "flock").unlink()
    assert (await desk.wait(run)).state == "succeeded"
    assert not world.has_lock()


async def test_silence_is_taken_for_a_lost_link(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.jobs.follow.SILENCE_S", 2.0)
    world.plan = plan_of(waiting(world))
    desk = world.desk()
    run = await start(world, desk)
    await until(lambda: b"early" in desk.read_log(run, "upgrade", 0, 10_000))
    world.lan.freeze()
    await until(has_state(desk, run, "unknown"))
    assert "said nothing" in "\n".join(desk.get(run).reason)
    let_go(world)
    assert (await desk.wait(run)).state == "succeeded"


async def test_a_quiet_job_is_not_silence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.jobs.follow.SILENCE_S", 2.5)
    world.plan = plan_of("sleep 4")
    desk = world.desk()
    run = await start(world, desk)
    await until(has_state(desk, run, "running"))
    seen = set()
    while not desk.get(run).ended:
        seen.add(desk.get(run).state)
        await asyncio.sleep(0.05)
    assert seen == {"running"}
    assert desk.get(run).state == "succeeded"


async def test_a_link_that_breaks_before_the_proof_leaves_it_open(world: World) -> None:
    world.lost = None
    desk = world.desk()
    world.plan = plan_of(waiting(world))
    run = await start(world, desk)
    world.lost = Failure("unreachable", "no route", "look")
    let_go(world)
    await until(has_state(desk, run, "unknown"))
    assert steps_of(desk.get(run))["upgrade"] == "succeeded"
    assert world.has_lock()
    world.lost = None
    assert (await desk.wait(run)).state == "succeeded"


async def test_closing_leaves_the_job_and_the_next_hostshift_adopts_it(world: World) -> None:
    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    await until(lambda: b"early" in first.read_log(run, "upgrade", 0, 10_000))
    await first.close()
    assert world.has_lock()
    second = world.desk()
    await second.open()
    found = second.get(run)
    assert (found.state, found.owner) == ("unknown", None)
    assert "Nobody has looked" in found.reason[0]
    let_go(world)
    await until((world.job(run) / "exit").exists)
    assert await second.adopt(world.locked(run)) == run
    async with asyncio.timeout(30):
        assert (await second.wait(run)).state == "succeeded"
    assert not world.has_lock()
    assert world.mirror(run).read_bytes() == (world.job(run) / "log").read_bytes()


async def test_a_controller_that_lost_its_records_finds_the_run_on_the_host(world: World) -> None:
    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    await until((world.job(run) / "pid").exists)
    await first.close()
    second = world.desk(state="empty")
    assert await second.adopt(world.locked(run)) == run
    let_go(world)
    async with asyncio.timeout(30):
        ended = await second.wait(run)
    assert ended.state == "succeeded"
    assert ended.digest == world.plan.digest
    assert world.mirror(run, "empty").read_bytes() == (world.job(run) / "log").read_bytes()
    assert not world.has_lock()


async def test_a_colleagues_run_is_watched_and_its_lock_left(world: World) -> None:
    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    await until((world.job(run) / "pid").exists)
    await first.close()
    colleague = world.desk(operator="bob@desk", state="bob")
    assert await colleague.adopt(world.locked(run)) == run
    await until(has_state(colleague, run, "running"))
    before = (world.lan.home / "lock").read_text()
    let_go(world)
    async with asyncio.timeout(30):
        assert (await colleague.wait(run)).state == "succeeded"
    assert (world.lan.home / "lock").read_text() == before


async def test_a_colleagues_forgotten_run_is_concluded(world: World) -> None:
    first = world.desk()
    world.plan = plan_of(waiting(world))
    run = await start(world, first)
    await until((world.job(run) / "pid").exists)
    await first.close()
    let_go(world)
    await until((world.job(run) / "exit").exists)
    colleague = world.desk(operator="bob@desk", state="bob")
    look = world.locked(run, heartbeat_age_s=900, job_alive=False)
    assert await colleague.adopt(look) == run
    async with asyncio.timeout(30):
        assert (await colleague.wait(run)).state == "succeeded"
    assert not world.has_lock()


async def test_read_only_follows_and_gives_nothing_back(world: World) -> None:
    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    await until((world.job(run) / "pid").exists)
    await first.close()
    viewer = world.desk(read_only=True)
    assert await viewer.adopt(world.locked(run)) == run
    let_go(world)
    async with asyncio.timeout(30):
        assert (await viewer.wait(run)).state == "succeeded"
    assert world.has_lock()
    await viewer.close()
    third = world.desk()
    assert await third.adopt(world.locked(run)) == run
    await until(lambda: not world.has_lock())


async def test_two_hostshifts_of_one_user_share_a_run(world: World) -> None:
    world.plan = plan_of(waiting(world))
    first, second = world.desk(), world.desk()
    run = await start(world, first)
    await until(has_state(first, run, "running"))
    assert await second.adopt(world.locked(run)) == run
    assert second.get(run).state == "running"
    started = world.lan.ran.count("follow.sh")
    assert started <= 2
    await first.close()
    let_go(world)
    async with asyncio.timeout(30):
        while second.get(run).state != "succeeded":
            await second.wait(run)
    assert not world.has_lock()


async def test_a_run_that_never_began_is_not_begun_later(world: World) -> None:
    world.plan = plan_of("echo acted")
    desk = world.desk()
    now = world.plan.created_at
    run = new_id(now)
    await died_with(world, Record(world.plan, planned(world.plan, run, "eve@laptop", now)))
    await lock.take(world.lan, world.lan.host, run, {"operator": "eve@laptop"}, 0)
    assert await desk.adopt(world.locked(run, step=None)) == run
    async with asyncio.timeout(30):
        ended = await desk.wait(run)
    assert ended.state == "cancelled"
    assert not (world.job(run) / "script").exists()
    assert not world.has_lock()


async def test_a_job_that_can_not_be_started_is_withdrawn(world: World) -> None:
    world.lan.double("setsid", "echo no more processes >&2; exit 1\n")
    world.lan.double("sleep", "exit 0\n")
    run = await carried_out(world, world.desk())
    assert run.state == "cancelled"
    assert "did not begin" in "\n".join(run.reason)
    assert (world.job(run.id) / "withdrawn").exists()
    assert not world.has_lock()


async def test_a_host_without_a_lock_has_nothing_to_adopt(world: World) -> None:
    assert await world.desk().adopt(await world.look_at_now()) is None


async def test_a_removed_job_is_not_started_again(world: World) -> None:
    import shutil

    world.plan = plan_of(waiting(world))
    first = world.desk()
    run = await start(world, first)
    await until(has_state(first, run, "running"))
    await until((world.job(run) / "pid").exists)
    await first.close()
    os.killpg(int((world.job(run) / "pid").read_text()), 9)
    shutil.rmtree(world.job(run))
    second = world.desk()
    await second.adopt(world.locked(run))
    async with asyncio.timeout(30):
        ended = await second.wait(run)
    assert ended.state == "attention"
    assert "no trace" in "\n".join(ended.reason)
    assert not world.job(run).exists()


async def test_a_reboot_in_the_middle_needs_a_person(world: World) -> None:
    world.plan = plan_of("sleep 60")
    first = world.desk()
    run = await start(world, first)
    await until((world.job(run) / "pid").exists)
    await first.close()
    os.killpg(int((world.job(run) / "pid").read_text()), 9)
    world.lan.set_boot("99999999-2222-3333-4444-555555555555")
    second = world.desk()
    await second.adopt(world.locked(run))
    async with asyncio.timeout(30):
        ended = await second.wait(run)
    assert ended.state == "attention"
    assert "started anew" in "\n".join(ended.reason)
    assert not world.has_lock()


# What is remembered


async def died_with(world: World, record: Record, state: str = "state") -> None:
    """A store as a hostshift leaves it that wrote a record and was gone."""
    (world.state_dir / state).mkdir(exist_ok=True)
    ledger = Ledger(f"sqlite:///{world.state_dir}/{state}/runs.db", "eve@laptop pid 1 gone")
    await ledger.create(record)
    await ledger.close()


async def test_runs_are_private_and_listed_newest_first(world: World) -> None:
    desk = world.desk()
    first = await carried_out(world, desk)
    second = await carried_out(world, desk)
    other = world.desk()
    await other.open()
    assert [run.id for run in other.list_runs()] == sorted([first.id, second.id], reverse=True)
    assert {run.state for run in other.list_runs()} == {"succeeded"}
    store = world.state_dir / "state/runs.db"
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE(world.mirror(first.id).stat().st_mode) == 0o600
    assert stat.S_IMODE((world.state_dir / "state/runs").stat().st_mode) == 0o700


async def test_old_runs_are_forgotten_when_a_new_one_starts(world: World) -> None:
    desk = world.desk(inventory={"retention_runs_s": 1})
    old = await carried_out(world, desk)
    assert world.mirror(old.id).exists()
    forgotten = datetime.now(UTC) + timedelta(seconds=1)
    await until(lambda: datetime.now(UTC) > forgotten)
    newest = await carried_out(world, desk)
    other = world.desk()
    await other.open()
    assert {run.id for run in other.list_runs()} == {newest.id}
    assert not world.mirror(old.id).parent.parent.exists()


async def test_ids_sort_by_time(world: World) -> None:
    now = world.plan.created_at
    assert new_id(now) != new_id(now)
    assert new_id(now).startswith("20261123T000000-")
