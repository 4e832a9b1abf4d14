"""Every way in which a connection fails has a kind, a reason and a hint, within its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncssh
import pytest

from engine.errors import DeadlineError, HostOutputError, HostshiftError
from engine.model.host import Deadlines, Host
from engine.shell import Script
from engine.transport import failures
from engine.transport.ssh import connect as connecting
from tests.unit.transport.servers import (
    Odd,
    by_shell,
    free_port,
    make_key,
    odd_host,
    odd_server,
    transport_to,
)
from tests.unit.transport.waiting import eventually

HELLO = Script("hello.sh", "echo hello")
SOON = Deadlines(connect_s=0.5)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    """A TCP server that says something of its own; gives its port."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await server.wait_closed()


@pytest.fixture
def nobody(tmp_path: Path) -> Host:
    """A host that is not there, with a key that could be offered."""
    identity = make_key(tmp_path / "id_nobody")
    return Host(
        "nobody", "127.0.0.1", user="ops", identity=identity, known_hosts=tmp_path / "known_hosts"
    )


def _at(host: Host, **changes: object) -> Host:
    from dataclasses import replace

    return replace(host, **changes)  # type: ignore[arg-type]


async def _fails(host: Host) -> HostshiftError:
    async with transport_to() as transport:
        with pytest.raises(HostshiftError) as caught:
            await transport.run(host, HELLO, deadline_s=60)
    assert caught.value.hint
    assert host.name in caught.value.message
    return caught.value


async def test_a_name_that_can_not_be_looked_up(nobody: Host) -> None:
    error = await _fails(_at(nobody, address="no-such-host.invalid"))
    assert (error.kind, error.exit_status) == ("dns", 3)
    assert "no-such-host.invalid" in error.message


async def test_a_port_that_nothing_listens_on(nobody: Host) -> None:
    error = await _fails(_at(nobody, port=free_port()))
    assert error.kind == "connection-refused"


async def test_a_name_server_that_hangs_holds_up_nobody_else(
    nobody: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = socket.getaddrinfo

    def slow(host: str, *args: object, **kwargs: object) -> object:
        if kwargs.get("flags") == socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host.startswith("slow"):
            time.sleep(2)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return original(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    hosts = [_at(nobody, name=f"n{n}", address=f"slow{n}", deadlines=SOON) for n in range(20)]
    async with transport_to() as transport:
        started = time.monotonic()
        others = [asyncio.create_task(transport.run(host, HELLO, deadline_s=60)) for host in hosts]
        with pytest.raises(failures.ConnectionRefused):
            await transport.run(_at(nobody, port=free_port()), HELLO, deadline_s=60)
        assert time.monotonic() - started < 1
        for other in others:
            with pytest.raises(failures.ConnectTimeout):
                await other


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_server_that_says_nothing(nobody: Host) -> None:
    async with talking(_silent) as port:
        started = time.monotonic()
        error = await _fails(_at(nobody, port=port, deadlines=SOON))
        assert time.monotonic() - started < 5
    assert error.kind == "timeout"
    assert "did not greet as an SSH server" in error.message
    assert "0.5 s" in error.message


async def test_a_host_that_answers_no_packet(nobody: Host) -> None:
    """A listening socket whose queue is full drops what comes, like a host that is off."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        await asyncio.sleep(0)
        error = await _fails(_at(nobody, port=listener.getsockname()[1], deadlines=SOON))
    assert error.kind == "timeout"
    assert "Nothing answered" in error.message


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_a_server_that_hangs_up_is_tried_again_before_it_is_told(
    nobody: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "RETRY_AFTER_S", (0.01, 0.01))
    calls = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    async with talking(counted) as port:
        error = await _fails(_at(nobody, port=port))
    assert error.kind == "reset"
    assert "MaxStartups" in error.hint
    assert calls == 3


async def test_a_server_that_comes_back_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while the package of sshd is replaced."""
    monkeypatch.setattr(connecting, "RETRY_AFTER_S", (0.01, 0.01))
    odd = Odd()
    async with odd_server(tmp_path, odd):
        first = True

        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal first
            if first:
                first = False
                return writer.close()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", odd.port)
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            return None

        async with talking(once) as port, transport_to() as transport:
            host = odd_host(tmp_path, odd)
            known = host.known_hosts
            assert known is not None
            known.write_text(known.read_text().replace(str(odd.port), str(port)))
            done = await transport.run(_at(host, port=port), HELLO, deadline_s=60)
            assert done.stdout == b"hello\n"
            await transport.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n" * 100)
    await reader.read()


async def _old_ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-1.5-Ancient\r\n")
    await reader.read()


async def test_what_is_no_ssh_server(nobody: Host) -> None:
    async with talking(_http) as port:
        error = await _fails(_at(nobody, port=port, deadlines=SOON))
    assert error.kind == "timeout"
    assert "did not greet as an SSH server" in error.message


async def test_what_is_an_ssh_server_of_another_age(nobody: Host) -> None:
    async with talking(_old_ssh) as port:
        error = await _fails(_at(nobody, port=port))
    assert error.kind == "protocol"


async def test_a_server_with_nothing_but_old_algorithms(tmp_path: Path) -> None:
    async with odd_server(tmp_path, kex_algs=["diffie-hellman-group1-sha1"]) as odd:
        error = await _fails(odd_host(tmp_path, odd))
    assert error.kind == "protocol"


async def test_a_server_that_hangs_while_logging_in(tmp_path: Path) -> None:
    async def hang() -> None:
        await asyncio.sleep(1000)

    async with odd_server(tmp_path, Odd(before_auth=hang)) as odd:
        error = await _fails(odd_host(tmp_path, odd, deadlines=SOON))
    assert error.kind == "timeout"
    assert "hung while logging in" in error.message


async def test_keys_that_are_not_taken_are_named(tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    async with odd_server(tmp_path) as odd:
        error = await _fails(odd_host(tmp_path, odd, identity=other))
    assert error.kind == "auth"
    assert str(other) in error.message
    assert "SHA256:" in error.message
    assert "authorized_keys" in error.hint


async def test_a_key_that_needs_a_passphrase(tmp_path: Path) -> None:
    locked = make_key(tmp_path / "locked", passphrase="secret")
    async with odd_server(tmp_path) as odd:
        error = await _fails(odd_host(tmp_path, odd, identity=locked))
        assert odd.connections == 0
    assert error.kind == "identity"
    assert f"ssh-add {locked}" in error.hint


async def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    async with odd_server(tmp_path) as odd:
        error = await _fails(odd_host(tmp_path, odd, identity=tmp_path / "missing"))
    assert error.kind == "identity"
    assert "missing does not exist" in error.message


async def test_a_file_that_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a key")
    async with odd_server(tmp_path) as odd:
        error = await _fails(odd_host(tmp_path, odd, identity=tmp_path / "text"))
    assert error.kind == "identity"


async def test_a_command_that_hangs_is_ended_by_the_deadline(tmp_path: Path) -> None:
    async def hang(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"noise\n")
        await asyncio.sleep(1000)

    async with odd_server(tmp_path, Odd(handler=hang)) as odd, transport_to() as transport:
        started = time.monotonic()
        with pytest.raises(DeadlineError, match=r"had not started.*noise"):
            await transport.run(odd_host(tmp_path, odd), HELLO, deadline_s=0.5)
        assert time.monotonic() - started < 5


async def test_a_server_that_never_answers_a_command(tmp_path: Path) -> None:
    async with odd_server(tmp_path) as odd, transport_to() as transport:
        host = odd_host(tmp_path, odd)
        await transport.run(host, HELLO, deadline_s=60)
        for connection in odd.live:
            connection._transport.pause_reading()  # type: ignore[union-attr]
        with pytest.raises(DeadlineError, match="gave no session"):
            await transport.run(host, HELLO, deadline_s=0.5)
        # the dead link is not tried again
        assert (await transport.run(host, HELLO, deadline_s=60)).stdout == b"hello\n"


async def test_a_dead_link_is_noticed_without_a_deadline(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("ServerAliveInterval 1\nServerAliveCountMax 2\n")
    async with odd_server(tmp_path) as odd, transport_to(config=config) as transport:
        host = odd_host(tmp_path, odd)
        script = Script("x", "echo on the way; sleep 1000")
        seen: list[bytes] = []
        running = asyncio.create_task(
            transport.run(host, script, deadline_s=1000, sink=seen.append)
        )
        await eventually(lambda: seen)
        for connection in odd.live:
            connection._transport.pause_reading()  # type: ignore[union-attr]
        with pytest.raises(failures.ConnectionDropped, match="keepalive"):
            await asyncio.wait_for(running, 60)


async def test_a_login_without_a_shell_is_told(tmp_path: Path) -> None:
    async def no_shell(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stderr.write(b"This account is currently \x1b[1mnot available.\n")
        process.exit(1)

    async with odd_server(tmp_path, Odd(handler=no_shell)) as odd, transport_to() as transport:
        with pytest.raises(HostOutputError, match=r"status 1 .*currently not available"):
            await transport.run(odd_host(tmp_path, odd), HELLO, deadline_s=60)


async def test_a_login_shell_that_prints_without_end(tmp_path: Path) -> None:
    async def chatter(process: asyncssh.SSHServerProcess[bytes]) -> None:
        with contextlib.suppress(OSError):
            while True:
                process.stdout.write(b"motd " * 10_000)
                await process.stdout.drain()

    async with odd_server(tmp_path, Odd(handler=chatter)) as odd, transport_to() as transport:
        with pytest.raises(HostOutputError, match="prints without end"):
            await transport.run(odd_host(tmp_path, odd), HELLO, deadline_s=60)


async def test_no_more_connections_are_made_at_once_than_allowed(tmp_path: Path) -> None:
    async def slow() -> None:
        await asyncio.sleep(0.05)

    async with odd_server(tmp_path, Odd(before_auth=slow)) as odd:
        hosts = [odd_host(tmp_path, odd, f"h{n}") for n in range(20)]
        async with transport_to(max_connects=4) as transport:
            await asyncio.gather(*(transport.run(host, HELLO, deadline_s=60) for host in hosts))
        assert odd.connections == 20
        assert odd.most <= 4


async def test_no_more_sessions_run_at_once_than_allowed(tmp_path: Path) -> None:
    most = now = 0

    async def counted(process: asyncssh.SSHServerProcess[bytes]) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.05)
        now -= 1
        process.exit(1)

    async with (
        odd_server(tmp_path, Odd(handler=counted)) as odd,
        transport_to(max_sessions=3) as transport,
    ):
        await asyncio.gather(
            *(transport.run(odd_host(tmp_path, odd), HELLO, deadline_s=60) for _ in range(12)),
            return_exceptions=True,
        )
    assert most == 3


async def test_giving_up_a_connection_that_is_being_made_ends_it_at_once(tmp_path: Path) -> None:
    async def hang() -> None:
        await asyncio.sleep(1000)

    async with odd_server(tmp_path, Odd(before_auth=hang)) as odd, transport_to() as transport:
        running = asyncio.create_task(
            transport.run(odd_host(tmp_path, odd), HELLO, deadline_s=1000)
        )
        await eventually(lambda: odd.now == 1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await eventually(lambda: odd.now == 0)


async def test_a_session_too_many_cuts_off_nobody_else(tmp_path: Path) -> None:
    sessions = 0

    async def limited(process: asyncssh.SSHServerProcess[bytes]) -> None:
        nonlocal sessions
        sessions += 1
        await by_shell(process)

    class Busy(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def session_requested(self) -> bool | asyncssh.SSHServerProcess[bytes]:
            return sessions == 0 and asyncssh.SSHServerProcess(limited, None, 3, False)

    for name in ("host_ed25519", "id_ed25519"):
        make_key(tmp_path / name)
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Busy,
        server_host_keys=[str(tmp_path / "host_ed25519")],
        authorized_client_keys=str(tmp_path / "id_ed25519.pub"),
        encoding=None,
    )
    host = odd_host(tmp_path, Odd(port=server.get_port()))
    async with transport_to() as transport:
        seen: list[bytes] = []
        script = Script("x", "echo first; sleep 1; echo last")
        running = asyncio.create_task(transport.run(host, script, deadline_s=60, sink=seen.append))
        await eventually(lambda: seen)
        with pytest.raises(failures.SessionRefused):
            await transport.run(host, HELLO, deadline_s=60)
        await running
        assert b"".join(seen) == b"first\nlast\n"
    server.close()
    await server.wait_closed()
