"""A job on a host: started once, ended with a result, killed, withdrawn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
from datetime import datetime
from importlib import resources
from pathlib import Path

import pytest

from engine.errors import RefusedError
from engine.jobs import lock
from engine.jobs.answers import LockedError
from engine.jobs.mirror import Mirror
from engine.jobs.start import read_plan, start, withdraw
from engine.model.plan import JobAct
from engine.shell import Command, Script
from tests.unit.jobs.jobs import FIELDS, RUN, STEP, begin, job_dir, plan_of, see, sh
from tests.unit.jobs.local_host import BOOT, LocalHost, until

RUNNER = str(resources.files("engine").joinpath("host", "runner.sh"))

# The job


async def test_a_job_leaves_everything_that_tells_of_it(lan: LocalHost, mirror: Mirror) -> None:
    act = sh("echo out; echo err >&2; echo 'dlstatus:1:50.0:half' >&3; exit 7")
    assert await begin(lan, act) == "started"
    seen = await see(lan, mirror)
    directory = job_dir(lan)
    log = (directory / "log").read_bytes()
    assert seen.exit_status == 7
    assert seen.alive is False
    assert seen.complete
    assert seen.log_is_whole
    assert not seen.untouched
    assert b"out\n" in log
    assert b"err\n" in log
    assert mirror.path.read_bytes() == log
    assert (directory / "exit").read_text().split() == ["7"]
    assert (directory / "progress").read_text() == "dlstatus:1:50.0:half\n"
    job = json.loads((directory / "job.json").read_text())
    assert job["operator"] == FIELDS["operator"]
    assert job["boot_id"] == BOOT
    assert job["run"] == RUN
    assert datetime.fromisoformat(job["started_at"]).tzinfo is not None


async def test_only_root_can_enter_the_runs_and_everybody_can_read_the_lock(
    lan: LocalHost,
) -> None:
    await begin(lan, sh("true"))

    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(lan.home) == 0o755
    assert mode(lan.home / "lock") == 0o644
    assert mode(lan.home / "runs") == 0o700
    assert mode(job_dir(lan)) == 0o700


async def test_the_second_start_finds_the_first_and_the_commands_run_once(
    lan: LocalHost, mirror: Mirror
) -> None:
    act = sh("echo once; sleep 0.5")
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    answers = await asyncio.gather(
        *(start(lan, lan.host, plan_of(act), RUN, STEP, act, FIELDS) for _ in range(4))
    )
    assert "started" in answers
    await see(lan, mirror)
    assert await begin(lan, act) == "found"
    assert mirror.path.read_bytes().count(b"once\n") == 1


async def test_another_script_under_the_same_name_is_refused(lan: LocalHost) -> None:
    await begin(lan, sh("echo one"))
    with pytest.raises(RefusedError, match="other commands"):
        await begin(lan, sh("echo two"))


async def test_no_job_without_the_lock(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, "another-run", FIELDS, 0)
    with pytest.raises(LockedError):
        await start(lan, lan.host, plan_of(sh("true")), RUN, STEP, sh("true"), FIELDS)
    assert not job_dir(lan).exists()


async def test_the_first_failure_ends_the_job(lan: LocalHost, mirror: Mirror) -> None:
    act = JobAct(commands=(("echo", "first"), ("false",), ("echo", "never")))
    await begin(lan, act)
    seen = await see(lan, mirror)
    assert seen.exit_status == 1
    lines = mirror.path.read_bytes().splitlines()
    assert b"first" in lines
    assert b"never" not in lines


async def test_words_and_variables_arrive_unchanged(lan: LocalHost, mirror: Mirror) -> None:
    nasty = 'a\'b "c" $(touch /tmp/hostshift-pwned) `x`;\n\\ end *'
    act = JobAct(
        commands=(("printf", "<%s>", nasty), ("sh", "-c", 'printf "[%s]" "$NASTY"')),
        environment=(("NASTY", nasty),),
    )
    await begin(lan, act)
    await see(lan, mirror)
    log = mirror.path.read_bytes()
    assert f"<{nasty}>".encode() in log
    assert f"[{nasty}]".encode() in log
    assert not os.path.exists("/tmp/hostshift-pwned")  # noqa: ASYNC240


async def test_the_plan_is_kept_on_the_host(lan: LocalHost) -> None:
    act = sh("true")
    await begin(lan, act)
    assert await read_plan(lan, lan.host, RUN) == plan_of(act)
    assert await read_plan(lan, lan.host, "no-such-run") is None


async def test_a_large_plan_is_no_problem(lan: LocalHost, mirror: Mirror) -> None:
    lines = tuple(f"Inst package-{i:05} 1.0-{i} 2.0-{i}" for i in range(5000))
    lan.double("apt-get", 'cat "${0%/*}/simulation"\n')
    (lan.doubles / "simulation").write_text(
        "".join(f"Inst package-{i:05} [1.0-{i}] (2.0-{i} X:1 [all])\n" for i in range(5000))
    )
    await begin(lan, sh("echo done", simulation=("apt-get", "-s"), expected=lines))
    seen = await see(lan, mirror, seconds=60)
    assert seen.exit_status == 0


async def test_children_can_be_interrupted_and_create_ordinary_files(
    lan: LocalHost, mirror: Mirror, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    await begin(lan, sh(f"touch {made}; grep -e SigIgn /proc/self/status"))
    await see(lan, mirror)
    assert stat.S_IMODE(made.stat().st_mode) == 0o644
    ignored = int(mirror.path.read_text().split("SigIgn:")[1].split()[0], 16)
    terminate = 1 << 14
    assert not ignored & terminate


async def test_a_job_that_was_asked_to_stop_ends_after_the_command_in_hand(
    lan: LocalHost, mirror: Mirror
) -> None:
    go = lan.root / "go"
    first = f"echo first; until [ -e {go} ]; do sleep 0.05; done; echo whole"
    await begin(lan, JobAct(commands=(("sh", "-c", first), ("echo", "second"))))
    await until(lambda: b"first\n" in (job_dir(lan) / "log").read_bytes())
    (job_dir(lan) / "stop").touch()
    go.touch()
    seen = await see(lan, mirror)
    assert b"whole\n" in mirror.path.read_bytes()
    assert b"second" not in mirror.path.read_bytes().splitlines()
    assert seen.exit_status == 12


async def test_a_killed_job_has_no_result_and_is_seen_dead(lan: LocalHost, mirror: Mirror) -> None:
    await begin(lan, sh("sleep 30"))
    await until((job_dir(lan) / "pid").exists)
    pid = int((job_dir(lan) / "pid").read_text())
    os.killpg(pid, 9)
    seen = await see(lan, mirror)
    assert seen.alive is False
    assert seen.exit_status is None


async def test_terminating_the_runner_loses_nothing(lan: LocalHost, mirror: Mirror) -> None:
    go = lan.root / "go"
    await begin(lan, sh(f"echo early; until [ -e {go} ]; do sleep 0.05; done; echo whole"))
    await until(lambda: b"early\n" in (job_dir(lan) / "log").read_bytes())
    os.kill(int((job_dir(lan) / "pid").read_text()), signal.SIGTERM)
    go.touch()
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    assert b"whole\n" in mirror.path.read_bytes()


async def test_a_process_of_another_boot_is_not_taken_for_the_job(
    lan: LocalHost, mirror: Mirror
) -> None:
    await begin(lan, sh("sleep 5"))
    lan.set_boot("another-boot")
    seen = await see(lan, mirror)
    assert seen.alive is False
    assert seen.boot == "another-boot"


async def test_a_withdrawn_job_never_begins(lan: LocalHost, mirror: Mirror) -> None:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    assert await withdraw(lan, lan.host, RUN, STEP)
    assert await withdraw(lan, lan.host, RUN, STEP)
    await begin_anyway(lan)
    seen = await see(lan, mirror)
    assert seen.exit_status == 12
    assert seen.untouched
    assert mirror.path.read_bytes() == b""


async def begin_anyway(lan: LocalHost) -> None:
    """A start that was on its way when the job was withdrawn."""
    directory = job_dir(lan)
    (directory / "script").write_text("echo acted\n")
    process = await asyncio.create_subprocess_exec("sh", RUNNER, str(directory), "main", "")
    await process.wait()


def test_a_job_that_is_over_at_once_has_a_result(tmp_path: Path) -> None:
    """The word that it is over must not be lost on a watcher that was forked in the same instant.

    Once it was, in some of a hundred, where the processors were busy: so always two at a time.
    """
    sh, true = shutil.which("sh"), shutil.which("true")
    assert sh is not None
    assert true is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").symlink_to(true)  # the quickest of all scripts
    path = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    for number in range(30):
        jobs = [tmp_path / f"{number}-{which}" for which in "ab"]
        runners = []
        for job in jobs:
            job.mkdir()
            words = [sh, RUNNER, str(job), "main", "", "1000000"]
            runners.append(subprocess.Popen(words, env=path, start_new_session=True))
        try:
            for runner in runners:
                runner.wait(60)
        finally:
            for runner in runners:
                with contextlib.suppress(ProcessLookupError):  # it has ended, as it should
                    os.killpg(runner.pid, signal.SIGKILL)
                runner.wait(10)
        assert [(job / "exit").read_text().split() for job in jobs] == [["0"], ["0"]]


async def test_a_job_that_has_begun_is_not_withdrawn(lan: LocalHost, mirror: Mirror) -> None:
    await begin(lan, sh("echo acted"))
    assert not await withdraw(lan, lan.host, RUN, STEP)
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    assert b"acted\n" in mirror.path.read_bytes()


async def test_what_came_to_lie_beside_configuration_files(lan: LocalHost, mirror: Mirror) -> None:
    etc = lan.root / "etc"
    (etc / "deep/er").mkdir(parents=True)
    for name in ("same.dpkg-dist", "again.dpkg-dist"):
        (etc / name).write_text("1")
    new = f"echo 2 >{etc}/x && mv {etc}/x {etc}/again.dpkg-dist"
    act = sh(f"{new}; echo 3 >{etc}/deep/er/a.ucf-dist; echo 4 >{etc}/torn.dpkg-new; exit 3")
    await begin(lan, act)
    seen = await see(lan, mirror)
    assert seen.exit_status == 3
    assert sorted(seen.kept) == [
        "/etc/again.dpkg-dist", "/etc/deep/er/a.ucf-dist", "/etc/torn.dpkg-new",
    ]  # fmt: skip


async def test_what_could_not_be_listed_is_not_said_to_be_none(
    lan: LocalHost, mirror: Mirror
) -> None:
    (lan.root / "etc").mkdir()
    lan.double("find", "exit 1\n")
    await begin(lan, sh("true"))
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    assert seen.kept == ("?",)


async def test_a_list_that_could_not_be_written_is_not_said_to_be_empty(
    lan: LocalHost, mirror: Mirror
) -> None:
    (lan.root / "etc").mkdir()
    # A directory of that name stands in for a disk that is full by then.
    full = f"mkdir {job_dir(lan)}/kept.new"
    await begin(lan, JobAct(commands=(("true",), ("sh", "-c", full))))
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    assert seen.kept == ("?",)


async def test_the_service_managers_word_leaves_the_log_alone(
    lan: LocalHost, mirror: Mirror
) -> None:
    await begin(lan, sh("true"))
    await see(lan, mirror)
    (job_dir(lan) / "pid").unlink()  # the runner is over, and may be a zombie yet
    runner = Command.of("sh", str(job_dir(lan) / "runner"), str(job_dir(lan)), "stopped").line()
    told = Script("stopped", f"SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=0 {runner}\n")
    lan.full = True
    done = await lan.run(lan.host, told, deadline_s=60)
    # The unit's standard error is the log, which has its result and was read to its end.
    assert done.stderr == b""
    assert list(job_dir(lan).glob("end*")) == []
    lan.full = False
    await lan.run(lan.host, told, deadline_s=60)
    assert (job_dir(lan) / "end").read_text() == "success exited 0\n"


async def test_nothing_that_a_test_started_outlives_it(lan: LocalHost) -> None:
    await begin(lan, sh("until [ -e /nonexistent ]; do sleep 0.05; done"))
    await until((job_dir(lan) / "pid").exists)
    assert int((job_dir(lan) / "pid").read_text()) in lan.processes()
    lan.end()
    assert lan.processes() == []
