"""Connections that a jump host makes for us, by a real sshd and by servers of our own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.errors import UnreachableError
from engine.transport import failures
from engine.transport.ssh import SshTransport
from tests.unit.transport.servers import (
    Sshd,
    free_port,
    needs_sshd,
    odd_server,
    running_sshd,
    transport_to,
)

pytestmark = needs_sshd
DATA = bytes(range(256)) * 4096


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that gives back what it was sent once all of it has come; its port."""

    open_ones: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(await reader.read())
            await writer.drain()
        writer.close()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.wait_for(asyncio.gather(*open_ones), 60)  # each connection is closed


async def through(path: Path, data: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(data)
    writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


@pytest.fixture
def jump(tmp_path: Path) -> Iterator[Sshd]:
    with running_sshd(tmp_path / "jump") as sshd:
        sshd.trust()
        yield sshd


async def test_what_is_sent_comes_back_whole_and_one_client_is_let_in(jump: Sshd) -> None:
    host = jump.host("target", jump="gate", address="target.invalid")
    async with transport_to(jump.host("gate")) as transport, echo() as port:
        async with transport.tunnel(host, "127.0.0.1", port, deadline_s=60) as path:
            assert path.parent.stat().st_mode & 0o777 == 0o700
            assert await through(path, DATA) == DATA
            with pytest.raises(OSError, match=r"refused|No such"):
                await through(path, b"another")
        assert not path.exists()
        # the connection to the jump host is the one that there is already
        ways = (transport.tunnel(host, "127.0.0.1", port, deadline_s=60) for _ in range(20))
        async with contextlib.AsyncExitStack() as stack:
            paths = [await stack.enter_async_context(way) for way in ways]
            answers = await asyncio.gather(*(through(path, b"hello") for path in paths))
    assert answers == [b"hello"] * 20
    assert jump.log.count("Accepted publickey") == 1


async def test_a_client_that_comes_never_or_goes_early_leaves_nothing(jump: Sshd) -> None:
    host = jump.host("target", jump="gate")
    async with transport_to(jump.host("gate")) as transport, echo() as port:
        async with transport.tunnel(host, "127.0.0.1", port, deadline_s=60):
            pass
        async with transport.tunnel(host, "127.0.0.1", port, deadline_s=60) as path:
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(DATA)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        assert "tunnel" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_an_address_that_says_no_is_told_from_a_way_that_is_closed(jump: Sshd) -> None:
    host = jump.host("target", jump="gate")
    async with transport_to(jump.host("gate")) as transport:
        port = free_port()
        with pytest.raises(failures.ConnectionRefused, match=rf"127\.0\.0\.1 port {port} refused"):
            async with transport.tunnel(host, "127.0.0.1", port, deadline_s=60):
                pass
        for address in ("nowhere.invalid", "255.255.255.255"):
            with pytest.raises(failures.JumpFailed, match=f"gate could not connect to {address}"):
                async with transport.tunnel(host, address, 9, deadline_s=60):
                    pass


@pytest.mark.parametrize("line", ["AllowTcpForwarding no", "PermitOpen 127.0.0.1:1"])
async def test_a_jump_host_that_forbids_it_says_nothing_of_the_address(
    line: str, tmp_path: Path
) -> None:
    with running_sshd(tmp_path, line) as sshd:
        sshd.trust()
        async with transport_to(sshd.host("gate")) as transport, echo() as port:
            host = sshd.host("target", jump="gate")
            with pytest.raises(failures.JumpFailed, match="gate could not connect") as caught:
                async with transport.tunnel(host, "127.0.0.1", port, deadline_s=60):
                    pass
            assert "AllowTcpForwarding" in caught.value.hint


async def test_a_jump_host_that_is_not_there_is_not_the_addresss_word(jump: Sshd) -> None:
    gate = jump.host("gate", port=free_port())
    async with transport_to(gate) as transport:
        with pytest.raises(failures.JumpFailed, match="jump host gate can't"):
            async with transport.tunnel(
                jump.host("target", jump="gate"), "127.0.0.1", 9, deadline_s=60
            ):
                pass


async def test_silence_ends_at_the_deadline_and_the_way_stays(tmp_path: Path) -> None:
    with socket.socket() as full, contextlib.ExitStack() as clients:
        # A queue of connections that nobody takes: the next ones get no answer (listen(2)).
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(3):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        async with odd_server(tmp_path) as gate, echo() as there:
            host = Sshd(
                tmp_path, gate.port, [tmp_path / "host_ed25519"], tmp_path / "id_ed25519",
                tmp_path / "known_hosts",
            )  # fmt: skip
            host.trust()
            target = host.host("target", jump="gate")
            async with transport_to(host.host("gate")) as transport:
                with pytest.raises(failures.ConnectTimeout, match=r"within 0\.5 s"):
                    async with transport.tunnel(target, "127.0.0.1", port, deadline_s=0.5):
                        pass
                async with transport.tunnel(target, "127.0.0.1", there, deadline_s=60) as path:
                    assert await through(path, b"hello") == b"hello"
                assert gate.connections == 1


async def test_a_link_that_is_lost_meanwhile_is_told(jump: Sshd) -> None:
    host = jump.host("target", jump="gate")

    async def lose(transport: SshTransport, port: int) -> None:
        async with transport.tunnel(host, "127.0.0.1", port, deadline_s=60) as path:
            reader, writer = await asyncio.open_unix_connection(path)
            await transport.forget("gate")
            assert await asyncio.wait_for(reader.read(), 60) == b""
            writer.close()

    async with transport_to(jump.host("gate")) as transport, echo() as port:
        with pytest.raises(UnreachableError, match="connection to gate was lost"):
            await lose(transport, port)


async def test_where_a_proxy_command_leads_the_host_itself_connects(
    jump: Sshd, tmp_path: Path
) -> None:
    jump.trust("behind")
    serve = f"/usr/sbin/sshd -i -f {jump.place}/sshd_config"
    config = tmp_path / "config"
    config.write_text(f"Host behind\n  ProxyCommand sh -c 'exec {serve}'\n")
    behind = jump.host("target", address="behind", port=None)
    async with (
        transport_to(config=config) as transport,
        echo() as port,
        transport.tunnel(behind, "127.0.0.1", port, deadline_s=60) as path,
    ):
        assert await through(path, b"hello") == b"hello"
