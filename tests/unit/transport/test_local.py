"""This machine as a host: what any transport promises, by the plainest carrier there is."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import DeadlineError
from engine.model.host import Host
from engine.shell import Script
from engine.transport import open_transport
from engine.transport.credentials import Credentials
from engine.transport.failures import SessionRefused
from engine.transport.local import LocalTransport
from tests.unit.transport.waiting import eventually

HOST = Host("here", "localhost", transport="local")


@pytest.fixture
async def transport() -> AsyncIterator[LocalTransport]:
    transport = LocalTransport(Credentials())
    yield transport
    await transport.close()


async def test_streams_and_status_come_back(transport: LocalTransport) -> None:
    script = Script("x", "echo out; echo err >&2; exit 7")
    done = await transport.run(HOST, script, deadline_s=60)
    assert (done.stdout, done.stderr, done.exit_status) == (b"out\n", b"err\n", 7)
    assert not done.truncated


async def test_a_signal_is_no_status(transport: LocalTransport) -> None:
    done = await transport.run(HOST, Script("x", "kill -KILL $$"), deadline_s=60)
    assert done.exit_status is None
    assert done.signal == "KILL"


async def test_the_root_is_the_first_parameter() -> None:
    script = Script("x", 'printf "%s|" "$@"', ("one", "two words", ""))
    for root, transport in (
        ("", LocalTransport(Credentials())),
        ("/a b", LocalTransport(Credentials(), host_root="/a b")),
        ("/h/here", LocalTransport(Credentials(), host_root=lambda host: f"/h/{host.name}")),
    ):
        done = await transport.run(HOST, script, deadline_s=60)
        assert done.stdout.decode() == f"{root}|one|two words||"


async def test_data_reaches_a_script_that_reads_it_late(transport: LocalTransport) -> None:
    data = os.urandom(300_000)
    script = Script("x", "sleep 0.2; head -c 5 >/dev/null; cat", stdin=data)
    done = await transport.run(HOST, script, deadline_s=60)
    assert done.stdout == data[5:]


async def test_data_that_nobody_reads_is_not_run(transport: LocalTransport, tmp_path: Path) -> None:
    script = Script("x", "exit 0", stdin=f"touch {tmp_path}/run\n".encode() * 10_000)
    assert (await transport.run(HOST, script, deadline_s=60)).exit_status == 0
    assert not (tmp_path / "run").exists()


async def test_the_deadline_ends_what_hangs_and_tells_what_it_last_said(
    transport: LocalTransport, tmp_path: Path
) -> None:
    script = Script("hang.sh", f'echo $$ >"{tmp_path}/pid"; echo "step \x1b[1m3"; sleep 1000')
    with pytest.raises(DeadlineError, match=r"hang\.sh on here .*step 3") as caught:
        await transport.run(HOST, script, deadline_s=0.5)
    assert caught.value.kind == "deadline"
    assert "\x1b" not in caught.value.message
    pid = int((tmp_path / "pid").read_text())
    await eventually(lambda: not Path(f"/proc/{pid}").exists())


async def test_what_ignores_a_polite_word_is_ended(
    transport: LocalTransport, tmp_path: Path
) -> None:
    text = f"trap '' TERM; echo $$ >\"{tmp_path}/pid\"; while :; do sleep 0.1; done"
    with pytest.raises(DeadlineError):
        await transport.run(HOST, Script("x", text), deadline_s=0.5)
    pid = int((tmp_path / "pid").read_text())
    await eventually(lambda: not Path(f"/proc/{pid}").exists())


async def test_cancelling_ends_the_script(transport: LocalTransport, tmp_path: Path) -> None:
    script = Script(
        "x", f'echo $$ >"{tmp_path}/pid.new"; mv "{tmp_path}/pid.new" "{tmp_path}/pid"; sleep 1000'
    )
    running = asyncio.create_task(transport.run(HOST, script, deadline_s=100))
    await eventually((tmp_path / "pid").exists)
    started = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - started < 1
    pid = int((tmp_path / "pid").read_text())
    await eventually(lambda: not Path(f"/proc/{pid}").exists())


async def test_a_flood_is_cut(transport: LocalTransport) -> None:
    done = await transport.run(HOST, Script("x", "yes"), deadline_s=60, limit_bytes=100_000)
    assert done.truncated
    assert len(done.stdout) == 100_000


async def test_a_sink_gets_chunks_as_they_come(transport: LocalTransport) -> None:
    got: list[bytes] = []
    done = await transport.run(
        HOST, Script("x", "echo a; sleep 0.2; echo b"), deadline_s=60, sink=got.append
    )
    assert got == [b"a\n", b"b\n"]
    assert done.stdout == b""


async def test_a_sinks_error_is_its_owners(transport: LocalTransport) -> None:
    def full(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await transport.run(HOST, Script("x", "yes"), deadline_s=60, sink=full)


async def test_a_machine_without_a_shell_says_so(
    transport: LocalTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SessionRefused, match="can't start sh"):
        await transport.run(HOST, Script("x", "true"), deadline_s=5)


async def test_the_fleet_reaches_this_machine_without_ssh() -> None:
    class Nobody:
        hosts: tuple[Host, ...] = ()

    transport = open_transport(Nobody(), Credentials())
    done = await transport.run(HOST, Script("x", "echo here"), deadline_s=60)
    assert done.stdout == b"here\n"
    await transport.forget("here")
    await transport.close()


def test_asyncssh_is_not_imported_before_it_is_needed() -> None:
    text = (
        "import asyncio, sys\n"
        "from engine.transport import open_transport\n"
        "from engine.transport.credentials import Credentials\n"
        "from engine.model.host import Host\n"
        "from engine.shell import Script\n"
        "class I: hosts = ()\n"
        "async def main():\n"
        "    t = open_transport(I(), Credentials())\n"
        "    h = Host('h', 'h', transport='local')\n"
        "    await t.run(h, Script('x', 'true'), deadline_s=60)\n"
        "    await t.close()\n"
        "asyncio.run(main())\n"
        "sys.exit('asyncssh' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60)
