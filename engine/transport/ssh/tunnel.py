"""A connection that another machine makes for us: direct-tcpip (RFC 4254, 7.2) and its near end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, TypeAlias

import asyncssh

from engine.errors import UnreachableError
from engine.text import clean
from engine.transport.failures import ConnectionRefused, ConnectTimeout, JumpFailed, NoRoute

_BLOCK: Final = 1 << 16
_SAID_NO: Final = ("refused", "reset by peer", "errno 111", "errno 104")
"""What sshd says of a host that itself answered (channels.c, channel_post_connecting, passes the
words of strerror(3) on); other servers pass their own on, often with the number."""

Ends: TypeAlias = "tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]"


async def connect_from(
    connection: asyncssh.SSHClientConnection, name: str, address: str, port: int, deadline_s: float
) -> Ends:
    """Have the other end of a connection connect to an address and port.

    Args:
        name: What the other end is called.

    Raises:
        ConnectionRefused: the address itself said no.
        UnreachableError: no connection; that says nothing of the address.
    """
    opening = asyncio.ensure_future(connection.open_connection(address, port))
    try:
        await asyncio.wait({opening}, timeout=deadline_s)
        if not opening.done():
            raise ConnectTimeout(
                f"{name} had no connection to {address} port {port} within {deadline_s:g} s.",
                hint=f"Is it up, and may {name} reach it?",
            )
        return opening.result()
    except (asyncssh.Error, OSError) as error:
        raise _failed(error, name, f"{address} port {port}") from error
    finally:
        if not opening.done():
            # The server may answer yet; what it opens then must not stay.
            opening.add_done_callback(_close_late)


def _close_late(opening: asyncio.Future[Ends]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[1].close()


def _failed(error: Exception, name: str, where: str) -> UnreachableError:
    said = clean(str(error)).replace("\n", " ").strip() or type(error).__name__
    if any(word in said.lower() for word in _SAID_NO):
        return ConnectionRefused(
            f"{where} refused the connection from {name}.", hint="Does anything listen there?"
        )
    if getattr(error, "code", None) == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        said = f"it forbids that ({said})"
    return JumpFailed(
        f"{name} could not connect to {where}: {said}.",
        hint=f"May {name} reach it? AllowTcpForwarding and PermitOpen in its sshd_config decide "
        "what it connects to.",
    )


@contextlib.asynccontextmanager
async def near_end(ends: Ends) -> AsyncIterator[Path]:
    """A Unix socket that nobody else can reach, for one client, whose words go to the far end.

    Raises:
        NoRoute: this machine has no place for it.
    """
    with contextlib.ExitStack() as opened:
        try:
            place = opened.enter_context(tempfile.TemporaryDirectory(prefix="hostshift-tunnel-"))
            listening = opened.enter_context(socket.socket(socket.AF_UNIX))
            path = Path(place) / "socket"
            listening.bind(str(path))
            listening.listen(1)
            listening.setblocking(False)
        except OSError as error:
            ends[1].close()
            raise NoRoute(
                f"This machine can't make a socket in its temporary directory: {error}.",
                hint="Is TMPDIR a short path, and is there room?",
            ) from error
        carrying = asyncio.create_task(_carry(listening, ends), name="tunnel")
        try:
            yield path
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
            ends[1].close()


async def _carry(listening: socket.socket, ends: Ends) -> None:
    """Take one client and carry its words to the far end, and those of the far end back."""
    reader, writer = ends
    with (await asyncio.get_running_loop().sock_accept(listening))[0] as client:
        listening.close()  # nobody else is let in
        near, back = await asyncio.open_unix_connection(sock=client)
        try:
            await asyncio.gather(_pump(near, writer), _pump(reader, back))
            back.close()
            await back.wait_closed()
        finally:
            back.transport.abort()  # what nobody has read is not waited for


async def _pump(
    source: asyncio.StreamReader | asyncssh.SSHReader[bytes],
    sink: asyncio.StreamWriter | asyncssh.SSHWriter[bytes],
) -> None:
    """Carry bytes one way, to their end."""
    with contextlib.suppress(OSError, asyncssh.Error):  # whoever reads is gone
        while block := await source.read(_BLOCK):
            sink.write(block)
            await sink.drain()
        sink.write_eof()
