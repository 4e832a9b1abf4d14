"""What the engine asks of a transport, whether by SSH, on this machine, or in a test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from engine.model.facts import Failure
from engine.model.host import Host
from engine.shell import Script

AsRoot = Literal["no", "if-possible", "required"]
DEFAULT_LIMIT = 16 * 1024 * 1024
"""Bytes of output that are kept of one script; more ends it."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A script that ended.

    Attributes:
        exit_status: None when a signal ended it.
        truncated: More than the limit came; the script was ended and the rest thrown away.
        as_root: Whether it ran as uid 0.
        not_root_because: Why not, where root was wanted and couldn't be had.
    """

    exit_status: int | None
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    truncated: bool = False
    signal: str | None = None
    as_root: bool = False
    not_root_because: Failure | None = None


class Transport(Protocol):
    """Runs scripts on hosts; keeps one live connection a host until it is closed."""

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
        """Run ``sh -s -- ROOT ARGS...`` with the script on standard input.

        The script's first positional parameter is always the host-side root: empty on a real
        host, a directory on the demo's. ``sink`` gets standard output as it comes, in chunks, and
        ``Completed.stdout`` is then empty.

        Raises:
            UnreachableError: no connection, or it was lost before the script ended.
            DeadlineError: the script did not end in time; its process was told to stop.
            NeedsPersonError: an unknown or changed host key, or (``required``) a password.
            RefusedError: root is required and can't be had.
        """

    def tunnel(
        self, host: Host, address: str, port: int, *, deadline_s: float
    ) -> AbstractAsyncContextManager[Path]:
        """A TCP connection made from where SSH's own connection to the host is made.

        That is the last jump host, or the host itself where a ProxyCommand leads to it. Given is
        the path of a Unix socket that takes one client. ``deadline_s`` counts from when the
        connection to the jump host is there.

        Raises:
            ConnectionRefused: the address itself said that nothing listens there.
            UnreachableError, NeedsPersonError: there is no connection, or it was lost; that says
                nothing of the address.
        """

    async def forget(self, host_name: str) -> None:
        """Close the connection to one host, so that the next use makes a new one."""

    async def close(self) -> None:
        """Close every connection."""
