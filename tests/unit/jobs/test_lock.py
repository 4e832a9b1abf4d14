"""The host's lock on all acting, and the shipped files themselves."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from datetime import datetime
from importlib import resources

import pytest

from engine.errors import HostOutputError, RefusedError
from engine.jobs import lock
from engine.jobs.answers import LockedError
from engine.jobs.start import keep_plan, read_plan, start
from tests.unit.jobs.jobs import FIELDS, RUN, STEP, begin, job_dir, plan_of, sh
from tests.unit.jobs.local_host import BOOT, LocalHost, until

# The host's lock


async def test_the_lock_is_one_line_of_json_on_the_hosts_clock(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    text = (lan.home / "lock").read_text()
    assert text.count("\n") == 1
    data = json.loads(text)
    assert data["run"] == RUN
    assert data["operator"] == FIELDS["operator"]
    assert data["boot_id"] == BOOT
    age = time.time() - datetime.fromisoformat(data["since"]).timestamp()
    assert -2 < age < 60
    assert await lock.beat(lan, lan.host, RUN, STEP)
    data = json.loads((lan.home / "lock").read_text())
    assert data["step"] == STEP
    assert data["operator"] == FIELDS["operator"]


async def test_a_full_disk_ends_no_sign_of_life(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    before = (lan.home / "lock").read_text()
    unheard(lan)
    lan.full = True
    assert await lock.beat(lan, lan.host, RUN, STEP)
    assert (lan.home / "lock").read_text() == before
    assert [p.name for p in lan.home.glob("lock*")] == ["lock"]
    assert not (await lock.evidence(lan, lan.host, RUN)).stale
    with pytest.raises(HostOutputError):  # a claim is a promise to others; it can't be half made
        await lock.wait_at_gate(lan, lan.host, RUN, STEP)
    assert (lan.home / "lock").read_text() == before
    assert await lock.release(lan, lan.host, RUN)


async def test_one_of_many_gets_the_lock(lan: LocalHost) -> None:
    attempts = (lock.take(lan, lan.host, f"run-{number}", FIELDS, 0) for number in range(8))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert results.count(None) == 1
    winner = f"run-{results.index(None)}"
    for refusal in results:
        if refusal is not None:
            assert isinstance(refusal, LockedError)
            assert refusal.exit_status == 5
            assert refusal.holder.operator == FIELDS["operator"]
            assert refusal.holder.run == winner
    assert json.loads((lan.home / "lock").read_text())["run"] == winner
    assert [p.name for p in lan.home.glob("lock*")] == ["lock"]


async def test_the_lock_is_taken_again_by_its_own_run_only(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    assert not await lock.release(lan, lan.host, "another")
    assert not await lock.beat(lan, lan.host, "another", STEP)
    assert (lan.home / "lock").exists()
    assert await lock.release(lan, lan.host, RUN)
    assert not (lan.home / "lock").exists()
    assert await lock.release(lan, lan.host, RUN)


async def test_old_finished_runs_are_removed_and_unfinished_ones_kept(lan: LocalHost) -> None:
    long_ago = time.time() - 100 * 86_400
    for name, files, age in (
        ("finished", ["exit"], long_ago),
        ("unfinished", [], long_ago),
        ("recent", ["exit"], time.time()),
    ):
        directory = lan.home / "runs" / name
        (directory / STEP).mkdir(parents=True)
        for file in files:
            (directory / STEP / file).touch()
        os.utime(directory, (age, age))
    await lock.take(lan, lan.host, RUN, FIELDS, 90 * 86_400)
    assert {p.name for p in (lan.home / "runs").iterdir()} == {"unfinished", "recent"}


# A claim: the run waits at a gate


async def wait(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    assert await lock.wait_at_gate(lan, lan.host, RUN, "gate-1")


def held(lan: LocalHost) -> dict[str, object]:
    line = (lan.home / "lock").read_text()
    assert line.count("\n") == 1
    data = json.loads(line)
    assert isinstance(data, dict)
    return data


async def test_a_lock_becomes_a_claim_and_a_lock_again(lan: LocalHost) -> None:
    await wait(lan)
    assert held(lan)["claim"] is True
    assert held(lan)["step"] == "gate-1"
    assert held(lan)["operator"] == FIELDS["operator"]
    assert await lock.wait_at_gate(lan, lan.host, RUN, "gate-1")
    assert await lock.beat(lan, lan.host, RUN, "gate-1")
    assert held(lan)["claim"] is True
    assert await lock.resume(lan, lan.host, RUN, STEP)
    assert "claim" not in held(lan)
    assert held(lan)["step"] == STEP
    assert await lock.resume(lan, lan.host, RUN, STEP)
    assert not await lock.wait_at_gate(lan, lan.host, "another", "gate")
    assert "claim" not in held(lan)


async def test_a_job_does_not_begin_on_a_claim(lan: LocalHost) -> None:
    await wait(lan)
    with pytest.raises(RefusedError, match="waits at a gate"):
        await start(lan, lan.host, plan_of(sh("true")), RUN, STEP, sh("true"), FIELDS)
    assert not job_dir(lan).exists()


async def test_a_claim_is_overridden_by_name_only_and_recorded(lan: LocalHost) -> None:
    await wait(lan)
    for over in (None, "some-other-run"):
        with pytest.raises(LockedError) as refused:
            await lock.take(lan, lan.host, "second", FIELDS, 0, over=over)
        assert refused.value.holder.claim
        assert refused.value.holder.run == RUN
        assert "naming it" in refused.value.hint
    assert not (lan.home / "locks-broken").exists()
    await lock.take(lan, lan.host, "second", FIELDS, 0, over=RUN)
    assert held(lan)["run"] == "second"
    record = json.loads((lan.home / "locks-broken").read_text())
    assert record["what"] == "overridden"
    assert record["by"] == {"run": "second", **FIELDS}
    assert record["lock"]["run"] == RUN
    assert stat.S_IMODE((lan.home / "locks-broken").stat().st_mode) == 0o644
    assert not await lock.resume(lan, lan.host, RUN, STEP)
    assert held(lan)["run"] == "second"


async def test_an_overridden_claim_is_there_again_afterwards(lan: LocalHost) -> None:
    await wait(lan)
    await lock.take(lan, lan.host, "second", FIELDS, 0, over=RUN)
    assert await lock.release(lan, lan.host, "second")
    assert held(lan)["run"] == RUN
    assert held(lan)["claim"] is True
    assert await lock.resume(lan, lan.host, RUN, STEP)
    assert await lock.release(lan, lan.host, RUN)
    assert [p.name for p in lan.home.iterdir()] in (
        ["runs", "locks-broken"],
        ["locks-broken", "runs"],
    )


async def test_a_claim_that_was_given_up_does_not_come_back(lan: LocalHost) -> None:
    await wait(lan)
    await lock.take(lan, lan.host, "second", FIELDS, 0, over=RUN)
    await lock.release(lan, lan.host, RUN)
    assert await lock.release(lan, lan.host, "second")
    assert not (lan.home / "lock").exists()


async def test_a_live_lock_can_not_be_overridden(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    with pytest.raises(LockedError) as refused:
        await lock.take(lan, lan.host, "second", FIELDS, 0, over=RUN)
    assert not refused.value.holder.claim


async def test_one_of_many_overrides_a_claim(lan: LocalHost) -> None:
    await wait(lan)
    attempts = (lock.take(lan, lan.host, f"run-{n}", FIELDS, 0, over=RUN) for n in range(6))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert results.count(None) == 1
    assert held(lan)["run"] == f"run-{results.index(None)}"
    assert len((lan.home / "locks-broken").read_text().splitlines()) == 1


async def test_the_run_of_a_claim_is_not_pruned(lan: LocalHost) -> None:
    await wait(lan)
    directory = lan.home / "runs" / RUN
    (directory / STEP).mkdir(parents=True)
    (directory / STEP / "exit").touch()
    os.utime(directory, (0, 0))
    await lock.take(lan, lan.host, "second", FIELDS, 86_400, over=RUN)
    assert directory.exists()


async def test_a_run_that_ended_at_its_gate_is_pruned(lan: LocalHost) -> None:
    await wait(lan)
    await keep_plan(lan, lan.host, RUN, plan_of(sh("true")))
    assert await read_plan(lan, lan.host, RUN) == plan_of(sh("true"))
    await lock.release(lan, lan.host, RUN)
    directory = lan.home / "runs" / RUN
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    os.utime(directory, (0, 0))
    await lock.take(lan, lan.host, "second", FIELDS, 86_400)
    assert not directory.exists()


# Breaking a lock, on evidence


def unheard(lan: LocalHost, seconds: float = 400) -> None:
    """Let the lock's controller have been silent for so long."""
    then = time.time() - seconds
    os.utime(lan.home / "lock", (then, then))


async def break_it(lan: LocalHost, expected: str = RUN) -> lock.LockEvidence | None:
    return await lock.break_lock(
        lan, lan.host, "breaker", expected, operator='bob "b"', reason="her laptop\ndrowned"
    )


async def test_a_stale_lock_without_processes_is_broken_and_recorded(lan: LocalHost) -> None:
    await begin(lan, sh("true"))
    await until((job_dir(lan) / "exit").exists)
    unheard(lan)
    seen = await lock.evidence(lan, lan.host, RUN)
    assert seen.stale
    assert seen.holder is not None
    assert seen.holder.operator == FIELDS["operator"]
    assert (lan.home / "lock").exists()
    done = await break_it(lan)
    assert done is not None
    assert len(done.speaks_for) == 2
    assert not (lan.home / "lock").exists()
    record = json.loads((lan.home / "locks-broken").read_text())
    assert record["what"] == "broken"
    assert record["run"] == "breaker"
    assert (record["operator"], record["reason"]) == ('bob "b"', "her laptop\ndrowned")
    assert record["lock"]["run"] == RUN
    assert record["evidence"] == list(done.speaks_for)
    assert datetime.fromisoformat(record["at"]).tzinfo is not None
    assert await break_it(lan) is None
    await lock.take(lan, lan.host, "breaker", FIELDS, 0)


async def test_a_lock_of_a_controller_that_lives_is_not_broken(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    unheard(lan, 200)
    with pytest.raises(lock.LockAliveError, match=r"heard of 20\d s ago"):
        await break_it(lan)
    unheard(lan, -4000)  # its clock was set back: the age is not known
    with pytest.raises(lock.LockAliveError, match="heard of"):
        await break_it(lan)
    unheard(lan)
    assert await lock.beat(lan, lan.host, RUN, STEP)
    assert not (await lock.evidence(lan, lan.host, RUN)).stale
    assert not (lan.home / "locks-broken").exists()


async def test_a_lock_whose_job_is_at_work_is_not_broken(lan: LocalHost) -> None:
    await begin(lan, sh("exec setsid sleep 77.5"))
    await until((job_dir(lan) / "pid").exists)
    unheard(lan)
    with pytest.raises(lock.LockAliveError, match="process") as refused:
        await break_it(lan)
    against = refused.value.evidence.speaks_against
    assert any(f"step {STEP}: process" in line and "sleep 77.5" in line for line in against)
    # Its runner alone was killed: what it started works on.
    os.kill(int((job_dir(lan) / "pid").read_text()), 9)
    with pytest.raises(lock.LockAliveError, match=r"sleep 77\.5"):
        await break_it(lan)
    lan.end()
    done = await break_it(lan)
    assert done is not None
    assert any("has left no result" in line for line in done.speaks_for)


async def test_a_process_of_another_boot_does_not_speak_against(lan: LocalHost) -> None:
    await begin(lan, sh("sleep 30"))
    await until((job_dir(lan) / "pid").exists)
    lan.set_boot("another-boot")
    unheard(lan)
    assert (await lock.evidence(lan, lan.host, RUN)).stale


async def test_another_runs_lock_is_not_broken(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    unheard(lan)
    with pytest.raises(LockedError):
        await break_it(lan, "expected-another")
    assert not (await lock.evidence(lan, lan.host, "expected-another")).stale
    assert held(lan)["run"] == RUN


async def test_without_a_lock_there_is_nothing_to_break(lan: LocalHost) -> None:
    assert await lock.evidence(lan, lan.host, RUN) == lock.LockEvidence(None)
    assert await break_it(lan) is None
    assert not lan.home.exists()


async def test_of_many_breakers_one_breaks(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    unheard(lan)
    results = await asyncio.gather(*(break_it(lan) for _ in range(6)))
    assert sum(result is not None for result in results) == 1


async def test_a_claim_under_a_broken_lock_is_there_again(lan: LocalHost) -> None:
    await wait(lan)
    await lock.take(lan, lan.host, "second", FIELDS, 0, over=RUN)
    unheard(lan)
    assert await break_it(lan, "second") is not None
    assert held(lan)["run"] == RUN


# The files themselves


def test_no_script_holds_a_here_document() -> None:
    scripts = [
        f for f in resources.files("engine").joinpath("host").iterdir() if f.name.endswith(".sh")
    ]
    assert scripts
    bad = [f.name for f in scripts if "<<" in f.read_text("utf-8")]
    assert bad == [], "a here-document may leave a file in /tmp"
