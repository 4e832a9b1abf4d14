"""Ending a job before its end: softly between commands or in a download, or hard."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from engine.jobs.mirror import Mirror
from engine.jobs.start import withdraw
from engine.jobs.stop import StopAnswer, stop
from engine.model.plan import JobAct
from tests.unit.jobs.jobs import RUN, STEP, begin, job_dir, see, sh
from tests.unit.jobs.local_host import LocalHost, until

APT = ("apt-get", "-y", "-o", "APT::Status-Fd=3", "upgrade")
DOWNLOADS = """\
echo 'dlstatus:1:10.0:Retrieving' >&3
echo downloading
exec sleep 60.25
"""


async def soft(lan: LocalHost) -> StopAnswer:
    return await stop(lan, lan.host, RUN, STEP, hard=False)


async def hard(lan: LocalHost, patience_s: int = 1) -> StopAnswer:
    return await stop(lan, lan.host, RUN, STEP, hard=True, patience_s=patience_s)


def log(lan: LocalHost) -> str:
    return (job_dir(lan) / "log").read_text()


async def once_read(pipe: Path) -> int:
    """The end to write to of a named pipe, as soon as it is read."""
    ends: list[int] = []

    def opened() -> bool:
        with contextlib.suppress(OSError):  # ENXIO: nobody reads
            ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(ends)

    await until(opened)
    return ends[0]


async def test_a_soft_stop_ends_the_job_between_two_commands(
    lan: LocalHost, mirror: Mirror
) -> None:
    go = lan.root / "go"
    first = f"echo first; until [ -e {go} ]; do sleep 0.05; done; echo whole"
    await begin(lan, JobAct(commands=(("sh", "-c", first), ("echo", "second"))))
    await until(lambda: "first\n" in log(lan))
    assert await soft(lan) == StopAnswer("asked")
    assert await soft(lan) == StopAnswer("asked")
    await lan.watched()
    seen = await see(lan, mirror, seconds=0)
    assert seen.alive
    go.touch()
    seen = await see(lan, mirror)
    assert seen.exit_status == 12
    assert not seen.untouched
    assert seen.killed is None
    assert "whole\n" in log(lan)
    assert "second" not in log(lan).splitlines()
    assert await soft(lan) == StopAnswer("ended")


async def test_a_download_is_interrupted(lan: LocalHost, mirror: Mirror) -> None:
    lan.double("apt-get", DOWNLOADS)
    await begin(lan, JobAct(commands=(APT, ("echo", "second"))))
    await until(lambda: "downloading\n" in log(lan))
    assert (await soft(lan)).verdict == "asked"
    seen = await see(lan, mirror)
    assert seen.exit_status == 12
    assert seen.untouched
    assert "before any package was changed" in log(lan)
    assert "second" not in log(lan).splitlines()
    await until(lambda: lan.processes() == [])


@pytest.mark.parametrize(
    ("name", "words", "does"),
    [
        ("works", APT, "echo 'pmstatus:dpkg-exec:0:Running dpkg' >&3; exec"),
        ("handles the signal itself", APT, "trap 'echo interrupted' INT;"),
        ("ignores the signal", APT, "trap '' INT; exec"),
        ("is another program", ("dpkg", "--configure", "-a", "APT::Status-Fd=3"), "exec"),
        ("tells no progress", ("apt-get", "-y", "upgrade"), "exec"),
    ],
)
async def test_what_may_change_something_is_never_interrupted(
    lan: LocalHost, mirror: Mirror, name: str, words: tuple[str, ...], does: str
) -> None:
    # cat has the default action for SIGINT, which a shell has not always.
    go = lan.root / "go"
    os.mkfifo(go)
    lan.double(words[0], f"{does} cat {go}")
    await begin(lan, JobAct(commands=(words, ("echo", "second"))))
    writer = await once_read(go)
    await soft(lan)
    await lan.watched()
    seen = await see(lan, mirror, seconds=0)
    assert seen.alive, name
    os.write(writer, b"whole\n")  # raises where nobody reads any more
    os.close(writer)
    seen = await see(lan, mirror)
    assert "whole\n" in log(lan)
    assert "interrupted\n" not in log(lan)
    assert not (job_dir(lan) / "interrupted").exists()
    assert seen.exit_status == 12
    assert not seen.untouched


async def test_progress_of_an_earlier_command_is_not_taken_for_this_ones(
    lan: LocalHost, mirror: Mirror
) -> None:
    lan.double("apt-get", DOWNLOADS)
    before = ("sh", "-c", "echo 'pmstatus:dpkg-exec:0:Running dpkg' >&3")
    await begin(lan, JobAct(commands=(before, APT)))
    await until(lambda: "downloading\n" in log(lan))
    await soft(lan)
    seen = await see(lan, mirror)
    assert seen.exit_status == 12
    assert not seen.untouched


async def test_waiting_for_the_package_managers_lock_is_ended(
    lan: LocalHost, mirror: Mirror
) -> None:
    lan.double(
        "stat", 'case "$*" in *lock-frontend) echo 1:2 ;; *) exec /usr/bin/stat "$@" ;; esac'
    )
    (lan.root / "proc/locks").write_text(f"1: POSIX  ADVISORY  WRITE {os.getpid()} 00:01:2 0 EOF\n")
    await begin(lan, sh("echo acted", lock_wait_s=60))
    await until(lambda: f"held by process {os.getpid()}" in log(lan))
    await soft(lan)
    seen = await see(lan, mirror)
    assert seen.exit_status == 12
    assert seen.untouched


async def test_a_hard_stop_ends_everything_and_leaves_no_result(
    lan: LocalHost, mirror: Mirror
) -> None:
    # As dpkg below apt-get: a session of its own; and one that does not mind TERM.
    script = "setsid sh -c 'trap : TERM; echo deaf; while :; do sleep 61.5; done' & echo on; wait"
    await begin(lan, JobAct(commands=(("sh", "-c", script), ("echo", "second"))))
    await until(lambda: {"deaf", "on"} <= set(log(lan).splitlines()))
    answer = await hard(lan)
    assert answer.verdict == "gone"
    found = [line for line in answer.said if line.startswith("found ")]
    assert any("sleep 61.5" in line for line in found)
    assert any("runner" in line for line in found)
    sent = [line.split()[1] for line in answer.said if line.startswith("sent ")]
    assert sent[0] == "TERM"
    assert set(sent[1:]) == {"KILL"}
    assert not [line for line in answer.said if line.startswith("left ")]
    await until(lambda: lan.processes() == [])
    seen = await see(lan, mirror)
    assert seen.alive is False
    assert seen.exit_status is None
    assert seen.killed is not None
    assert "second" not in log(lan).splitlines()
    assert await hard(lan) == StopAnswer("ended")


async def test_a_hard_stop_by_term_alone_claims_no_result_either(
    lan: LocalHost, mirror: Mirror
) -> None:
    await begin(lan, sh("trap 'exit 0' TERM; echo on; while :; do sleep 0.05; done"))
    await until(lambda: "on\n" in log(lan))
    answer = await hard(lan, patience_s=10)
    assert answer.verdict == "gone"
    assert [line.split()[1] for line in answer.said if line.startswith("sent ")] == ["TERM"]
    seen = await see(lan, mirror)
    assert seen.exit_status is None
    assert seen.killed is not None
    assert not (job_dir(lan) / "exit").exists()


async def test_what_the_runner_left_behind_when_it_died_is_found(lan: LocalHost) -> None:
    await begin(lan, sh("echo on; sleep 62.5"))
    await until(lambda: "on\n" in log(lan))
    os.kill(int((job_dir(lan) / "pid").read_text()), 9)
    answer = await hard(lan)
    assert answer.verdict == "gone"
    assert any("sleep 62.5" in line for line in answer.said)
    await until(lambda: lan.processes() == [])


async def test_nothing_of_another_boot_is_ended(lan: LocalHost) -> None:
    await begin(lan, sh("echo on; sleep 63.5"))
    await until(lambda: "on\n" in log(lan))
    lan.set_boot("another-boot")
    assert await hard(lan) == StopAnswer("ended")
    assert int((job_dir(lan) / "pid").read_text()) in lan.processes()


async def test_what_has_not_begun_is_missing(lan: LocalHost) -> None:
    assert await hard(lan) == StopAnswer("missing")
    assert await soft(lan) == StopAnswer("missing")
    assert not lan.home.exists()
    assert await withdraw(lan, lan.host, RUN, STEP)
    assert await hard(lan) == StopAnswer("missing")
