"""The demo's SSH server: one listener and one host key for each demo host, on 127.0.0.1.

It does what sshd does and no more: it lets in the one key of this start, hands the client's
command to ``/bin/sh -c`` in the environment of the host that was connected to, and streams.
It knows nothing of any command.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from engine.demo.processes import end_group, end_session

LOOPBACK = "127.0.0.1"
_CHUNK = 64 * 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ServedHost:
    """A demo host as the server needs it.

    Attributes:
        users: Login names and the environment that each one's commands get, complete: nothing
            of our own environment is passed on.
        home: Directory in which commands start.
        answer_delay_s: How long the host takes to answer a login.
    """

    users: Mapping[str, Mapping[str, str]]
    home: Path
    answer_delay_s: float = 0.0


class DemoServer:
    """Serves hosts from a thread with an event loop of its own, so that screens stay quick."""

    def __init__(self, client_key: asyncssh.SSHKey) -> None:
        self._authorized = asyncssh.import_authorized_keys(
            client_key.export_public_key().decode("ascii")
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="hostshift-demo-sshd", daemon=True
        )
        self._thread.start()
        self._acceptors: list[asyncssh.SSHAcceptor] = []
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._closed = False

    def serve(self, host: ServedHost, host_key: asyncssh.SSHKey) -> int:
        """Open a listener for a host and return its port, chosen by the system."""
        return self._call(self._serve(host, host_key))

    def close(self) -> None:
        """End every connection with its commands, and the thread. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self._call(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            if not self._thread.is_alive():
                self._loop.close()

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        future: Future[_T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(15)

    async def _serve(self, host: ServedHost, host_key: asyncssh.SSHKey) -> int:
        acceptor = await asyncssh.listen(
            LOOPBACK,
            0,
            server_factory=lambda: _Login(host, self._authorized, self._connections),
            server_host_keys=[host_key],
            password_auth=False,
            kbdint_auth=False,
            gss_host=None,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_scp=False,
            process_factory=_process_factory(host),
            encoding=None,
            line_editor=False,
            login_timeout=20,
            compression_algs=None,
            server_version="hostshift-demo",
        )
        self._acceptors.append(acceptor)
        return acceptor.get_port()

    async def _close(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        for connection in tuple(self._connections):
            connection.abort()
        # The sessions' tasks see their channel close and end their commands.
        ours = asyncio.current_task()
        rest = [task for task in asyncio.all_tasks() if task is not ours]
        if rest:
            _, late = await asyncio.wait(rest, timeout=3)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=3)


class _Login(asyncssh.SSHServer):
    def __init__(
        self,
        host: ServedHost,
        authorized: asyncssh.SSHAuthorizedKeys,
        connections: set[asyncssh.SSHServerConnection],
    ) -> None:
        self._host = host
        self._authorized = authorized
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connections.discard(self._connection)

    async def begin_auth(self, username: str) -> bool:
        if self._host.answer_delay_s:
            await asyncio.sleep(self._host.answer_delay_s)
        if self._connection is not None and username in self._host.users:
            self._connection.set_authorized_keys(self._authorized)
        return True


def _process_factory(
    host: ServedHost,
) -> Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]:
    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command
        if command is None:
            process.stderr.write(b"This demo host runs commands only; it has no login shell.\n")
            process.exit(1)
            return
        user = str(process.get_extra_info("username"))
        try:
            child = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=host.home,
                env=dict(host.users[user]),
                start_new_session=True,
            )
        except OSError as error:
            process.stderr.write(f"{error}\n".encode())
            process.exit(126)
            return
        await _attend(process, child)

    return serve


async def _attend(
    process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
) -> None:
    """Stream until the command has ended or its channel is gone, whichever comes first.

    A command whose channel is gone is ended with everything in its session; what made itself a
    session of its own (setsid(2)) is not touched, as a detached job is not by a lost link.
    """
    stdin, stdout, stderr = child.stdin, child.stdout, child.stderr
    if stdin is None or stdout is None or stderr is None:
        raise RuntimeError("a command was started without its pipes")
    feed = asyncio.create_task(_feed(process, stdin, child.pid))
    output = asyncio.create_task(_until_ended(process, child, stdout, stderr))
    gone = asyncio.create_task(process.channel.wait_closed())
    try:
        await asyncio.wait((output, gone), return_when=asyncio.FIRST_COMPLETED)
        if output.done() and not gone.done():
            _report_end(process, child)
            end_group(child.pid)
        else:
            end_session(child.pid)
    except asyncio.CancelledError:
        end_session(child.pid)
        raise
    finally:
        for task in (feed, output, gone):
            task.cancel()
        await asyncio.gather(feed, output, gone, return_exceptions=True)
        await child.wait()


async def _until_ended(
    process: asyncssh.SSHServerProcess[bytes],
    child: asyncio.subprocess.Process,
    stdout: asyncio.StreamReader,
    stderr: asyncio.StreamReader,
) -> None:
    """Carry all output; the command has ended when its output has, as for sshd."""
    await asyncio.gather(_pump(stdout, process.stdout), _pump(stderr, process.stderr))
    await child.wait()


def _report_end(
    process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
) -> None:
    status = child.returncode
    if status is None:
        process.exit(255)
    elif status < 0:
        name = signal.Signals(-status).name.removeprefix("SIG")
        process.exit_with_signal(name, False, "")
    else:
        process.exit(status)


async def _feed(
    process: asyncssh.SSHServerProcess[bytes], stdin: asyncio.StreamWriter, pid: int
) -> None:
    """Carry the channel's data to the command; pass signals that the client sends."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while True:
            try:
                data = await process.stdin.read(_CHUNK)
            except asyncssh.SignalReceived as received:
                _send(pid, received.signal)
                continue
            except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
                continue
            if not data:
                break
            stdin.write(data)
            await stdin.drain()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.close()
        await stdin.wait_closed()


def _send(pid: int, name: str) -> None:
    number = getattr(signal, f"SIG{name}", None)
    if number is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)


async def _pump(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()
