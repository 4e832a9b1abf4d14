"""This machine, by subprocess: the same interface as over SSH, for ``transport = "local"``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from engine.model.host import Host
from engine.shell import Command, Script
from engine.transport.conversation import Conversation, Ended, Process
from engine.transport.credentials import Credentials
from engine.transport.failures import JumpFailed, SessionRefused
from engine.transport.host_root import HostRoot, root_of
from engine.transport.privilege import Privilege, Task, run_task
from engine.transport.protocol import DEFAULT_LIMIT, AsRoot, Completed

_GRACE_S: Final = 2.0
"""Seconds between asking a process group to end and ending it."""


class _Shell(asyncio.SubprocessProtocol):
    """Binds a subprocess to a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self.gone = asyncio.Event()
        self._conversation = conversation
        self._transport: asyncio.SubprocessTransport | None = None
        self._open = {1, 2}
        self._exited = False
        self._stopped = False
        self._had_eof = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.SubprocessTransport):
            self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self._conversation.out if fd == 1 else self._conversation.err)(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        self._maybe_end()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()

    def process_exited(self) -> None:
        self._exited = True
        self._maybe_end()

    def _maybe_end(self) -> None:
        if not self._exited or self._open or self._transport is None:
            return
        code = self._transport.get_returncode()
        if code is not None and code < 0:
            self._conversation.end(Ended(signal=signal.Signals(-code).name.removeprefix("SIG")))
        else:
            self._conversation.end(Ended(exit_status=code))

    def write(self, data: bytes) -> None:
        """See `Process.write`."""
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.write(data)

    def write_eof(self) -> None:
        """See `Process.write_eof`."""
        self._had_eof = True
        self._close_input()

    def _close_input(self) -> None:
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if isinstance(pipe, asyncio.WriteTransport) and not pipe.is_closing():
            pipe.write_eof()

    def stop(self) -> None:
        """End it politely, and after a while its whole process group.

        The end of its input ends a watched script (see `frame`); one that has had it is signalled.
        """
        if self._transport is None or self._stopped:
            return
        self._stopped = True
        self._conversation.end(Ended())
        if not self._exited:
            if self._had_eof:
                self._signal(signal.SIGTERM)
            else:
                self._close_input()
            asyncio.get_running_loop().call_later(_GRACE_S, self.kill)
        else:
            self._transport.close()

    def kill(self) -> None:
        """End the whole process group now."""
        self._conversation.end(Ended())
        self._signal(signal.SIGKILL)
        if self._transport is not None:
            self._transport.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._transport is None or self._exited:
            return
        # it may be gone, or root's: then its closed pipes have to tell it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._transport.get_pid(), number)


class LocalTransport:
    """Runs scripts on this machine. See `engine.transport.protocol.Transport`."""

    def __init__(self, credentials: Credentials, *, host_root: HostRoot = "") -> None:
        self._privilege = Privilege(credentials)
        self._host_root = host_root
        self._shells: set[_Shell] = set()

    async def run(
        self,
        host: Host,
        script: Script,
        *,
        as_root: AsRoot = "no",
        deadline_s: float,
        limit_bytes: int = DEFAULT_LIMIT,
        sink: Callable[[bytes], None] | None = None,
    ) -> Completed:
        """See `Transport.run`."""
        root = root_of(self._host_root, host)
        task = Task(host, script, root, as_root, limit_bytes, sink)
        return await run_task(self, task, deadline_s, self._privilege)

    def tunnel(
        self, host: Host, address: str, port: int, *, deadline_s: float
    ) -> AbstractAsyncContextManager[Path]:
        """See `Transport.tunnel`; nothing is between this machine and itself."""
        raise JumpFailed(f"No other host leads to {host.name}.", hint="Connect to it directly.")

    async def start(self, command: Command, conversation: Conversation) -> Process:
        """Start a process of its own session, so that no terminal can be asked for a password."""
        loop = asyncio.get_running_loop()
        self._shells = {shell for shell in self._shells if not shell.gone.is_set()}
        try:
            _, shell = await loop.subprocess_exec(
                lambda: _Shell(conversation), *command.argv(), start_new_session=True
            )
        except OSError as error:
            raise SessionRefused(
                f"This machine can't start {command.argv()[0]}: {error.strerror}.",
                hint="Look at the PATH and at the limits of processes (ulimit -u).",
            ) from error
        self._shells.add(shell)
        return shell

    async def forget(self, host_name: str) -> None:
        """See `Transport.forget`."""
        self._privilege.forget(host_name)

    async def close(self) -> None:
        """End what still runs, and what was told to end and has not yet."""
        for shell in self._shells:
            shell.kill()
        for shell in self._shells:
            await shell.gone.wait()
        self._shells.clear()
