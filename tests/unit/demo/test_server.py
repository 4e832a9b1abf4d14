"""The demo's SSH server does what sshd does: streams, statuses, ends; and lets nobody else in."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from engine.demo.opening import Fleet
from tests.unit.demo.conftest import Shell, served


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """One fleet for all: nothing here changes a host."""
    with served() as fleet:
        yield fleet


async def until(true: Callable[[], bool], deadline_s: float = 60) -> None:
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, "it did not come to pass in time"
        await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def connect(
    fleet: Fleet, user: str, **options: Any
) -> AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
    return asyncssh.connect(
        "server2.servers.example.com",
        config=[str(fleet.client_config)],
        username=user,
        known_hosts=str(fleet.place / "known_hosts"),
        **options,
    )


async def test_streams_and_exit_status(shell: Shell) -> None:
    done = await shell("server2", 'echo "out $2"; echo err >&2; exit 7', "a b")
    assert (done.exit_status, done.stdout, done.stderr) == (7, b"out a b\n", b"err\n")


async def test_much_output_comes_whole(shell: Shell) -> None:
    done = await shell("server2", "seq 1 200000")
    assert done.stdout == "".join(f"{n}\n" for n in range(1, 200001)).encode()


async def test_output_comes_while_the_command_runs(shell: Shell, fleet: Fleet) -> None:
    go = fleet.root("server2") / "tmp/go"
    heard = bytearray()
    task = asyncio.create_task(
        shell(
            "server2",
            'echo first; until [ -e "$1/tmp/go" ]; do sleep 0.05; done; echo second',
            sink=heard.extend,
        )
    )
    await until(lambda: b"first\n" in heard)
    assert b"second" not in heard
    go.touch()
    assert (await task).exit_status == 0
    assert bytes(heard).endswith(b"first\nsecond\n")


async def test_a_signal_is_told(fleet: Fleet) -> None:
    async with connect(fleet, "root") as connection:
        done = await connection.run("kill -TERM $$")
    assert done.exit_signal is not None
    assert done.exit_signal[0] == "TERM"


async def test_a_signal_of_the_client_reaches_the_command(fleet: Fleet) -> None:
    async with connect(fleet, "root") as connection:
        process = await connection.create_process(
            "trap 'echo told; exit 3' TERM; echo; while :; do sleep 0.05; done"
        )
        await process.stdout.readline()
        process.terminate()
        done = await asyncio.wait_for(process.wait(), 10)
    assert (done.exit_status, done.stdout) == (3, "told\n")


async def test_lost_channel_ends_the_command_but_not_a_session_of_its_own(
    shell: Shell, fleet: Fleet
) -> None:
    root = fleet.root("server2")
    script = (
        'setsid -f sh -c \'echo $$ >"$0/tmp/job"; sleep 60\' "$1" >/dev/null 2>&1 </dev/null\n'
        'sh -c \'echo $$ >"$0/tmp/child"; sleep 60\' "$1" &\n'
        'echo $$ >"$1/tmp/command"; wait'
    )
    task = asyncio.create_task(shell("server2", script))
    files = [root / "tmp" / name for name in ("job", "child", "command")]
    await until(lambda: all(file.exists() and file.read_text().strip() for file in files))
    job, child, command = (int(file.read_text()) for file in files)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not lives(command) and not lives(child))
    assert lives(job)


async def test_a_host_has_its_own_key(fleet: Fleet) -> None:
    known = (fleet.place / "known_hosts").read_text("ascii").splitlines()
    assert len({line.split()[2] for line in known}) == len(known)


@pytest.mark.parametrize(
    ("user", "own_key"), [("root", False), ("nobody", True), ("ops", True)], ids=str
)
async def test_nobody_else_gets_in(fleet: Fleet, user: str, own_key: bool) -> None:
    key = (
        asyncssh.read_private_key(fleet.place / "id_ed25519")
        if own_key
        else asyncssh.generate_private_key("ssh-ed25519")
    )
    with pytest.raises(asyncssh.PermissionDenied):
        async with connect(fleet, user, client_keys=[key]):
            pass


async def test_the_environment_is_the_hosts_own(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "must not be seen")
    lines = await shell.lines("server2", "env")
    assert not [line for line in lines if line.startswith("OURS")]
    assert any(line.startswith("HOSTSHIFT_DEMO_HOST=") for line in lines)


async def test_this_machines_programs_are_not_on_the_path(shell: Shell) -> None:
    done = await shell("server9", "command -v apt-get dpkg-query docker python3 || echo none")
    assert done.stdout == b"none\n"
