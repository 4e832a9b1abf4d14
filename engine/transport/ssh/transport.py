"""SshTransport: one living connection a host, many scripts over it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import asyncssh

from engine.errors import DeadlineError, HostshiftError
from engine.model.facts import HostKeyOffer
from engine.model.host import Deadlines, Host
from engine.shell import Command, Script
from engine.text import clean
from engine.transport.client_config import ClientConfig, Endpoint
from engine.transport.conversation import Conversation, Process
from engine.transport.credentials import Credentials
from engine.transport.failures import (
    ConnectionDropped,
    ConnectionRefused,
    HostKeyError,
    JumpFailed,
    SessionRefused,
)
from engine.transport.host_root import HostRoot, root_of
from engine.transport.known_hosts import KnownHosts, accept_host_keys
from engine.transport.privilege import Privilege, Task, run_task
from engine.transport.protocol import DEFAULT_LIMIT, AsRoot, Completed
from engine.transport.ssh.connect import Target, connect
from engine.transport.ssh.hostkeys import expect
from engine.transport.ssh.identities import Identities
from engine.transport.ssh.network import Network
from engine.transport.ssh.session import Shell
from engine.transport.ssh.tunnel import connect_from, near_end

MAX_CONNECTS: Final = 50
"""Connections being made at once: each costs both sides a few milliseconds of arithmetic."""
MAX_PER_JUMP: Final = 8
"""Connections being made at once through one jump host, below sshd's MaxStartups (10:30:100)."""
MAX_SESSIONS: Final = 5
"""Scripts at once on one connection: half of sshd's MaxSessions (10), because sshd frees the place
of a closed session only after it has read all that came with the closing (OpenSSH, channels.c,
channel_garbage_collect), and may have counted the next ones by then."""
FULL_SERVER_WAIT_S: Final = (0.05, 1.0)
"""First and longest pause before a server that gave no further session is asked again."""
_HOP = re.compile(
    r"^(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:@]+)(?::(?P<port>\d+))?/?$"
)


class Hosts(Protocol):
    """What of the inventory is needed here: to find a jump host by its name."""

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All hosts."""


@dataclass(slots=True)
class Link:
    """A living connection."""

    name: str
    connection: asyncssh.SSHClientConnection
    sessions: asyncio.Semaphore
    tunnels: asyncio.Semaphore
    closed: bool = False
    active: int = 0


@dataclass(slots=True)
class _Attempt:
    """A connection that is being made, or was; those who wait for it share it."""

    task: asyncio.Task[Link]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Hop:
    """One station on the way: a host of the inventory, or an OpenSSH alias."""

    key: str
    host: Host
    own_way: bool = True
    """Whether its own jump hosts count; not for a later hop of a chain, whose way is the chain."""
    before: tuple[Hop, ...] = field(default=())


class SshTransport:
    """Runs scripts over SSH. See `engine.transport.protocol.Transport`.

    ``deadline_s`` counts from when the connection is there; making it has `Deadlines.connect_s`,
    and waiting for a place among `max_connects` is bounded by those of the others.

    Args:
        inventory: Finds jump hosts by name.
        config: The OpenSSH client configuration; None reads the user's and the machine's.
    """

    def __init__(
        self,
        inventory: Hosts,
        credentials: Credentials,
        *,
        host_root: HostRoot = "",
        config: ClientConfig | None = None,
        max_connects: int = MAX_CONNECTS,
        max_per_jump: int = MAX_PER_JUMP,
        max_sessions: int = MAX_SESSIONS,
    ) -> None:
        self._by_name = {host.name: host for host in inventory.hosts}
        self._host_root = host_root
        self._config = config or ClientConfig()
        self._known_hosts = KnownHosts()
        self._identities = Identities()
        self._network = Network()
        self._privilege = Privilege(credentials)
        self._connects = asyncio.Semaphore(max_connects)
        self._max_per_jump = max_per_jump
        self._max_sessions = max_sessions
        self._attempts: dict[str, _Attempt] = {}

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
        hop = Hop(host.name, host)
        await self._link(hop)
        root = root_of(self._host_root, host)
        task = Task(host, script, root, as_root, limit_bytes, sink)
        try:
            return await run_task(_Carrier(self, hop), task, deadline_s, self._privilege)
        except DeadlineError:
            # perhaps it is the link that is dead: the next use must not wait for it once more
            await self._drop_idle(hop)
            raise

    @contextlib.asynccontextmanager
    async def tunnel(
        self, host: Host, address: str, port: int, *, deadline_s: float
    ) -> AsyncIterator[Path]:
        """See `Transport.tunnel`."""
        hop = Hop(host.name, host)
        try:
            link = await self._last_hop(hop, await self._endpoint(host)) or await self._link(hop)
        except ConnectionRefused as error:  # by sshd, not by the address
            raise JumpFailed(error.message, hint=error.hint, cause=error) from error
        ends = await connect_from(link.connection, link.name, address, port, deadline_s)
        async with near_end(ends) as path:
            yield path
        if link.closed:
            raise ConnectionDropped(
                f"The connection to {link.name} was lost.", hint="Look at the network to it."
            )

    def accept_host_keys(self, offers: Iterable[HostKeyOffer]) -> None:
        """Write down keys that a person has accepted; the next connection finds them.

        Raises:
            KnownHostsError: a file can't be written.
        """
        accept_host_keys(offers)

    async def forget(self, host_name: str) -> None:
        """See `Transport.forget`."""
        attempt = self._attempts.pop(host_name, None)
        self._privilege.forget(host_name)
        if attempt is not None:
            await _end(attempt)

    async def close(self) -> None:
        """See `Transport.close`."""
        attempts = list(self._attempts.values())
        self._attempts.clear()
        await asyncio.gather(*(_end(attempt) for attempt in attempts))
        await self._identities.close()
        await self._network.close()

    async def open_shell(self, hop: Hop, command: Command, conversation: Conversation) -> Process:
        """Start a command on a host, on a new connection when the old one turns out to be dead.

        A server that gives no session beside those it has given is asked again, for as long as the
        caller waits.

        Raises:
            UnreachableError: no connection, or the server gives no session.
        """
        pause, longest = FULL_SERVER_WAIT_S
        once_more = True
        while True:
            link = await self._link(hop)
            try:
                return await self._shell(link, command, conversation)
            except (asyncssh.Error, OSError) as error:
                # no script has started yet, so trying again is harmless
                if link.active and not link.closed:
                    if not _is_full(error):
                        raise _no_session(hop.host.name, error) from error  # others live on it
                    await asyncio.sleep(pause)  # bounded by the deadline of the script
                    pause = min(2 * pause, longest)
                    continue
                if not once_more:
                    raise _no_session(hop.host.name, error) from error
                once_more = False
                await self._drop_idle(hop)

    async def _drop_idle(self, hop: Hop) -> None:
        """Close a connection that nothing else runs on."""
        attempt = self._attempts.get(hop.key)
        if attempt is None or not attempt.task.done() or attempt.task.cancelled():
            return
        if attempt.task.exception() is None and not attempt.task.result().active:
            del self._attempts[hop.key]
            await _end(attempt)

    async def _shell(self, link: Link, command: Command, conversation: Conversation) -> Shell:
        await link.sessions.acquire()
        link.active += 1

        def release() -> None:
            link.active -= 1
            link.sessions.release()

        shell = Shell(conversation, release)
        try:
            await link.connection.create_session(lambda: shell, command.line(), encoding=None)
        except BaseException:
            shell.abandon()
            raise
        shell.opened()
        return shell

    async def _link(self, hop: Hop) -> Link:
        """The living connection to a station; those who ask at the same time share the attempt."""
        attempt = self._attempts.get(hop.key)
        if attempt is not None and attempt.task.done():
            failed = attempt.task.cancelled() or attempt.task.exception() is not None
            if failed or attempt.task.result().closed:
                attempt = None
        if attempt is None:
            self._privilege.forget(hop.host.name)
            task = asyncio.create_task(self._open(hop), name=f"connect {hop.key}")
            attempt = self._attempts[hop.key] = _Attempt(task)
        attempt.waiting += 1
        try:
            return await asyncio.shield(attempt.task)
        finally:
            attempt.waiting -= 1
            if attempt.waiting == 0 and not attempt.task.done():
                attempt.task.cancel()  # nobody wants it any more

    async def _open(self, hop: Hop) -> Link:
        host = hop.host
        endpoint = await self._endpoint(host)
        via = await self._last_hop(hop, endpoint)
        keyring = await self._identities.keyring(endpoint, host.identity)
        expected = expect(self._known_hosts, host.name, endpoint, host.known_hosts)
        target = Target(
            host=host.name,
            endpoint=endpoint,
            expected=expected,
            keyring=keyring,
            connect_s=host.deadlines.connect_s,
            identity=host.identity,
            via=via.connection if via else None,
            via_name=via.name if via else "",
        )
        link: Link | None = None

        def lost() -> None:
            if link is not None:
                link.closed = True

        # the jump host's own connection is there already, so no one waits here holding a place
        # that the one waited for would need
        async with _optional(via.tunnels if via else None), self._connects:
            connection = await connect(self._network, target, lost)
        link = Link(
            host.name,
            connection,
            asyncio.Semaphore(self._max_sessions),
            asyncio.Semaphore(self._max_per_jump),
            closed=connection.is_closed(),
        )
        return link

    async def _endpoint(self, host: Host) -> Endpoint:
        """What the client configuration says; `Match exec` must not hold up everybody else."""
        resolve = self._config.resolve
        if self._config.runs_commands:
            return await asyncio.to_thread(resolve, host.address, host.user, host.port)
        return resolve(host.address, host.user, host.port)

    async def _last_hop(self, hop: Hop, endpoint: Endpoint) -> Link | None:
        """The connection to the jump host next to this station, or None without one."""
        # the whole way is looked at before any of it is gone: two that wait for each other's
        # connection would wait for ever
        seen = [hop.key]
        station = last = self._before(hop, endpoint)
        while station is not None:
            if station.key in seen:
                raise JumpFailed(
                    f"The way to {hop.host.name} leads in a circle: "
                    f"{' -> '.join([*seen, station.key])}.",
                    hint="Look at `jump` in the inventory and at ProxyJump.",
                )
            seen.append(station.key)
            station = self._before(station, await self._endpoint(station.host))
        if last is None:
            return None
        try:
            return await self._link(last)
        except HostKeyError:
            raise  # says itself whose key it is, and can be accepted like any other
        except HostshiftError as error:
            if isinstance(error, JumpFailed):
                raise
            raise JumpFailed(
                f"{hop.host.name} can't be reached, because its jump host "
                f"{last.host.name} can't: {error.message}",
                hint=error.hint,
                cause=error,
            ) from error

    def _before(self, hop: Hop, endpoint: Endpoint) -> Hop | None:
        """The station before this one, or None at the beginning of the way."""
        way = hop.before
        if not way and hop.own_way:
            way = self._way(hop.host, endpoint)
        return way[-1] if way else None

    def _way(self, host: Host, endpoint: Endpoint) -> tuple[Hop, ...]:
        """The stations before a host: the inventory's `jump`, else ProxyJump."""
        if host.jump is not None and host.jump.lower() == "none":
            return ()
        words = host.jump.split(",") if host.jump is not None else endpoint.proxy_jump
        before: tuple[Hop, ...] = ()
        for word in map(str.strip, words):
            if host.jump is not None and word in self._by_name:
                hop = Hop(word, self._by_name[word], own_way=not before, before=before)
            else:
                alias = _alias_host(word, host.deadlines)
                key = " ".join(["jump", *(h.host.name for h in before), word])
                hop = Hop(key, alias, own_way=not before, before=before)
            before = (*before, hop)
        return before


def _is_full(error: Exception) -> bool:
    """Whether a server refused a session that it may give later, when another has ended.

    sshd says "connect failed" when MaxSessions is reached (OpenSSH, serverloop.c,
    server_request_session); the word made for it is "resource shortage" (RFC 4254, 5.1).
    """
    return isinstance(error, asyncssh.ChannelOpenError) and error.code in (
        asyncssh.OPEN_CONNECT_FAILED,
        asyncssh.OPEN_RESOURCE_SHORTAGE,
    )


def _no_session(name: str, error: Exception) -> SessionRefused:
    return SessionRefused(
        f"{name} let the user in and gave no session: {clean(str(error)).strip()}.",
        hint="Look at MaxSessions, ForceCommand and the user's shell there, and at the host's free "
        "processes and memory.",
    )


def _alias_host(word: str, deadlines: Deadlines) -> Host:
    """A jump host that the inventory does not know: ``[user@]host[:port]`` (ssh_config(5))."""
    found = _HOP.match(word)
    if found is None:
        raise JumpFailed(
            f"{word!r} is no jump host.",
            hint="Write a host of the inventory, or [user@]host[:port].",
        )
    return Host(
        name=word,
        address=found["host"].strip("[]"),
        user=found["user"],
        port=int(found["port"]) if found["port"] else None,
        deadlines=deadlines,
    )


@dataclass(frozen=True, slots=True)
class _Carrier:
    """Starts shells on one host for `run_task`."""

    transport: SshTransport
    hop: Hop

    async def start(self, command: Command, conversation: Conversation) -> Process:
        return await self.transport.open_shell(self.hop, command, conversation)


class _optional:  # noqa: N801 - used like a function
    """An `async with` over a semaphore that may not be there."""

    def __init__(self, semaphore: asyncio.Semaphore | None) -> None:
        self._semaphore = semaphore

    async def __aenter__(self) -> None:
        if self._semaphore is not None:
            await self._semaphore.acquire()

    async def __aexit__(self, *_: object) -> None:
        if self._semaphore is not None:
            self._semaphore.release()


async def _end(attempt: _Attempt) -> None:
    """Close a connection, or stop making it."""
    if not attempt.task.done():
        attempt.task.cancel()
    try:
        link = await attempt.task
    except (asyncio.CancelledError, HostshiftError):
        return
    link.closed = True
    link.connection.abort()
    await link.connection.wait_closed()
