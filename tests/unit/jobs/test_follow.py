"""Following a job: every byte, from any offset, over a link that breaks."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import HostOutputError, UnreachableError
from engine.jobs.answers import failed
from engine.jobs.follow import follow
from engine.jobs.mirror import Mirror
from engine.model.run import Progress
from engine.shell import Script
from engine.transport.protocol import Completed
from tests.unit.jobs.jobs import RUN, STEP, begin, job_dir, see, sh
from tests.unit.jobs.local_host import LocalHost, until

# Following


async def test_bytes_of_any_kind_are_mirrored(lan: LocalHost, mirror: Mirror) -> None:
    data = bytes(range(256)) * 20 + b"done\nlog 0 5\nexit 0\nno newline at the end"
    (lan.root / "bytes").write_bytes(data)
    await begin(lan, sh(f"cat {lan.root}/bytes"))
    await see(lan, mirror)
    assert mirror.path.read_bytes() == (job_dir(lan) / "log").read_bytes()
    assert data in mirror.path.read_bytes()


async def test_a_long_log_comes_whole(lan: LocalHost, mirror: Mirror) -> None:
    await begin(
        lan, sh("i=0; while [ $i -lt 40000 ]; do echo line $i of a long log; i=$((i+1)); done")
    )
    while (await see(lan, mirror)).exit_status is None:
        pass
    assert mirror.path.read_bytes() == (job_dir(lan) / "log").read_bytes()
    assert mirror.length > 900_000


async def test_following_goes_on_where_it_stopped(lan: LocalHost, mirror: Mirror) -> None:
    go = lan.root / "go"
    await begin(lan, sh(f"echo early; until [ -e {go} ]; do sleep 0.1; done; echo late"))
    await until(lambda: b"early\n" in (job_dir(lan) / "log").read_bytes())
    seen = await see(lan, mirror, seconds=0)
    assert seen.alive is True
    assert b"early\n" in mirror.path.read_bytes()
    before = mirror.length
    go.touch()
    again = Mirror(mirror.path)
    assert again.length == before
    seen = await see(lan, again)
    assert seen.exit_status == 0
    assert mirror.path.read_bytes() == (job_dir(lan) / "log").read_bytes()


@pytest.mark.parametrize("spoil", [b"other bytes", b"x" * 100_000])
async def test_a_copy_of_another_log_starts_anew(
    lan: LocalHost, mirror: Mirror, spoil: bytes
) -> None:
    mirror.write(0, spoil)
    await begin(lan, sh("i=0; while [ $i -lt 900 ]; do echo a line $i; i=$((i+1)); done"))
    await see(lan, mirror)
    assert mirror.path.read_bytes() == (job_dir(lan) / "log").read_bytes()


async def test_a_copy_that_differs_in_its_beginning_is_seen_at_the_end(
    lan: LocalHost, mirror: Mirror
) -> None:
    await begin(lan, sh("i=0; while [ $i -lt 900 ]; do echo a line $i; i=$((i+1)); done"))
    await see(lan, mirror)
    mirror.write(10, b"spoilt")
    seen = await see(lan, mirror)
    assert seen.log_is_whole is False
    assert mirror.length == 0
    seen = await see(lan, mirror)
    assert seen.log_is_whole
    assert mirror.path.read_bytes() == (job_dir(lan) / "log").read_bytes()


async def test_a_cut_link_does_not_touch_the_job(lan: LocalHost, mirror: Mirror) -> None:
    go = lan.root / "go"
    await begin(lan, sh(f"echo early; until [ -e {go} ]; do sleep 0.1; done; echo late"))
    following = asyncio.create_task(see(lan, mirror, seconds=30))
    await until(lambda: b"early\n" in mirror.path.read_bytes())
    lan.cut()
    with pytest.raises(UnreachableError):
        await following
    go.touch()
    await until((job_dir(lan) / "exit").exists)
    lan.link = True
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    assert mirror.path.read_bytes() == (job_dir(lan) / "log").read_bytes()


async def test_an_unknown_job_is_missing(lan: LocalHost, mirror: Mirror) -> None:
    seen = await see(lan, mirror)
    assert seen.missing
    assert seen.complete


async def test_progress_is_told(lan: LocalHost, mirror: Mirror) -> None:
    await begin(lan, sh("echo 'pmstatus:lab-lib:40.5:Unpacking lab-lib (amd64)' >&3"))
    said: list[Progress | None] = []
    await follow(lan, lan.host, RUN, STEP, mirror, said.append, seconds=10)
    assert Progress("install", 40.5, "Unpacking lab-lib (amd64)") in said


def test_an_end_without_status_or_signal_is_a_lost_link(lan: LocalHost) -> None:
    error = failed(lan.host, Script("follow.sh", "true"), Completed(None, b"", b""))
    assert isinstance(error, UnreachableError)
    assert error.exit_status == 3
    assert "connection to h1 was lost" in error.message
    assert "None" not in str(error)
    assert "/var" not in error.hint


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Completed(7, b"", b"no room\n"), "status 7 on h1: no room"),
        (Completed(None, b"", b"", signal="KILL"), "signal KILL"),
    ],
)
def test_a_script_that_ended_by_itself_is_no_lost_link(
    lan: LocalHost, done: Completed, words: str
) -> None:
    error = failed(lan.host, Script("follow.sh", "true"), done)
    assert isinstance(error, HostOutputError)
    assert words in error.message
