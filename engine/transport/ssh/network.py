"""From a name to a connected socket, within a time, with a reason when not."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import signal
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from engine.transport.client_config import Endpoint
from engine.transport.failures import ConnectionRefused, NameError_, NoRoute

LOOKUPS: Final = 50
"""Names looked up at once. A name server that is dead holds a thread for many seconds each, and
must not hold up the others; the event loop's own pool has six threads on a small machine."""
OPEN_FILES: Final = 16_384
_FIRST_TRY_S: Final = 3.0
"""Seconds for one address while others remain to be tried."""

_Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


class Proxy:
    """A running ProxyCommand: its standard input and output are one end of a pair of sockets."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.said = b""
        self._process = process
        self._minding = asyncio.create_task(self._mind(), name="ProxyCommand")

    async def _mind(self) -> None:
        """Keep the end of what it says, and reap it."""
        if self._process.stderr is not None:
            while data := await self._process.stderr.read(4096):
                self.said = (self.said + data)[-4096:]
        await self._process.wait()

    def end(self) -> None:
        """Tell it to end, as ssh(1) does when the connection is over."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGHUP)

    async def ended(self, within_s: float) -> None:
        """Wait until it is gone; after a while make it so."""
        try:
            await asyncio.wait_for(asyncio.shield(self._minding), within_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._minding


class Network:
    """Opens connections: by TCP, or by a ProxyCommand."""

    def __init__(self) -> None:
        _allow_open_files()
        self._pool: ThreadPoolExecutor | None = None
        self._proxies: list[Proxy] = []

    async def start_proxy(self, host: str, command: str) -> tuple[socket.socket, Proxy]:
        """Start a ProxyCommand as ssh(1) does: by the user's shell, which it replaces.

        Raises:
            NoRoute: there is no shell to start it.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        shell = os.environ.get("SHELL") or "/bin/sh"
        try:
            process = await asyncio.create_subprocess_exec(
                *(shell, "-c", f"exec {command}"),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except BaseException as error:
            ours.close()
            if isinstance(error, OSError):
                raise NoRoute(
                    f"The ProxyCommand of {host} can't be started: {error.strerror}.",
                    hint="Is $SHELL a shell?",
                ) from error
            raise
        finally:
            theirs.close()
        proxy = Proxy(process)
        self._proxies.append(proxy)
        return ours, proxy

    async def connect(self, host: str, endpoint: Endpoint) -> socket.socket:
        """A connected socket; the caller bounds the time.

        Raises:
            NameError_, ConnectionRefused, NoRoute: as they say.
        """
        addresses = await self._lookup(host, endpoint)
        problem: OSError | None = None
        for number, (family, address) in enumerate(addresses):
            last = number == len(addresses) - 1
            try:
                async with asyncio.timeout(None if last else _FIRST_TRY_S):
                    return await _open(family, address, endpoint.bind_address)
            except TimeoutError:
                if last:
                    raise
            except OSError as error:
                problem = error
        raise _refused(host, endpoint, problem or OSError(errno.EHOSTUNREACH, "no address"))

    async def _lookup(self, host: str, endpoint: Endpoint) -> Sequence[_Address]:
        try:
            found = _resolve(endpoint, socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            if self._pool is None:
                self._pool = ThreadPoolExecutor(LOOKUPS, "hostshift-lookup")
            loop = asyncio.get_running_loop()
            try:
                found = await loop.run_in_executor(self._pool, _resolve, endpoint, 0)
            except (OSError, UnicodeError) as error:
                why = getattr(error, "strerror", None) or str(error)
                raise NameError_(
                    f"The address of {host}, {endpoint.hostname!r}, can't be looked up: {why}.",
                    hint=f"Try `getent hosts {endpoint.hostname}`; set `address` in the inventory "
                    "or HostName in the OpenSSH client configuration.",
                ) from error
        return found

    async def close(self) -> None:
        """End all proxies; a thread that waits for a name server ends by itself."""
        for proxy in self._proxies:
            proxy.end()
        for proxy in self._proxies:
            await proxy.ended(within_s=2)
        self._proxies.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _allow_open_files() -> None:
    """Use what the hard limit allows: a thousand living connections are a thousand open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _resolve(endpoint: Endpoint, flags: int) -> list[_Address]:
    found = socket.getaddrinfo(
        endpoint.hostname,
        endpoint.port,
        family=endpoint.address_family,
        type=socket.SOCK_STREAM,
        flags=flags,
    )
    return [(family, address) for family, _, _, _, address in found if len(address) in (2, 4)]  # type: ignore[misc]


async def _open(
    family: socket.AddressFamily, address: tuple[object, ...], bind: str | None
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if bind is not None:
            sock.bind((bind, 0))
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _refused(host: str, endpoint: Endpoint, error: OSError) -> ConnectionRefused | NoRoute:
    where = f"{host} ({endpoint.hostname} port {endpoint.port})"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return NoRoute(
            f"{where} was not connected to: this machine has too many files open.",
            hint="Each living connection is one: raise the limit (`ulimit -n`).",
        )
    if error.errno == errno.ECONNREFUSED:
        return ConnectionRefused(
            f"{where} refused the connection.",
            hint="Nothing listens there: is sshd running, and is the port right?",
        )
    return NoRoute(
        f"{where} can't be reached: {error.strerror or error}.",
        hint="Look at the network, the VPN and the firewall between here and the host.",
    )
