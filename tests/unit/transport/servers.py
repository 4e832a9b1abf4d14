"""SSH servers for tests: a real sshd on loopback, and servers of our own that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from engine.model.host import Deadlines, Host
from engine.transport.client_config import ClientConfig
from engine.transport.credentials import Credentials
from engine.transport.ssh import SshTransport

SSHD = "/usr/sbin/sshd"
needs_sshd = pytest.mark.skipif(
    not Path(SSHD).exists(),
    reason="NOT TESTED AGAINST OPENSSH: /usr/sbin/sshd is missing (apt-get install openssh-server)",
)
QUICK = Deadlines(connect_s=10)


def run(*words: str) -> str:
    """What a program prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A key pair at ``path`` and ``path.pub``."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)],
        check=True,
        timeout=60,
    )
    return path


def public(path: Path) -> str:
    """A key's kind and base64 as they stand in known_hosts."""
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@dataclass
class Sshd:
    """A running sshd and what belongs to it."""

    place: Path
    port: int
    host_keys: list[Path]
    identity: Path
    known_hosts: Path
    process: subprocess.Popen[bytes] | None = None
    extra: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        return (self.place / "log").read_text()

    def trust(self, *names: str) -> None:
        """Write its keys to the known_hosts of the test."""
        with self.known_hosts.open("a") as file:
            for name in names or (f"[127.0.0.1]:{self.port}",):
                for key in self.host_keys:
                    file.write(f"{name} {public(key)}\n")

    def host(self, name: str = "server", **changes: Any) -> Host:
        """The server as a host of an inventory."""
        host = Host(
            name,
            "127.0.0.1",
            port=self.port,
            identity=self.identity,
            known_hosts=self.known_hosts,
            deadlines=QUICK,
        )
        return replace(host, **changes)

    def start(self) -> None:
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            *(f"HostKey {key}" for key in self.host_keys),
            "PidFile none",
            "UsePAM no",
            f"AuthorizedKeysFile {self.place}/authorized_keys",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            "LogLevel VERBOSE",
            "SetEnv SHLVL=2",  # bash then leaves out the .bashrc of whoever runs the tests
            *self.extra,
        ]
        (self.place / "sshd_config").write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        before = len(self.log) if (self.place / "log").exists() else 0
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self.place / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 20
        while "Server listening" not in self.log[before:]:
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"sshd did not start:\n{self.log}")
            time.sleep(0.01)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None


@contextlib.contextmanager
def running_sshd(
    place: Path, *extra: str, kinds: tuple[str, ...] = ("ed25519",), certificate: Path | None = None
) -> Iterator[Sshd]:
    """A real sshd with fresh keys, which lets its one identity in."""
    place.mkdir(parents=True, exist_ok=True)
    keys = [make_key(place / f"host_{kind}", kind) for kind in kinds]
    identity = make_key(place / "id_ed25519")
    shutil.copy(f"{identity}.pub", place / "authorized_keys")
    sshd = Sshd(place, free_port(), keys, identity, place / "known_hosts", extra=list(extra))
    sshd.known_hosts.touch()
    if certificate is not None:
        sshd.extra.append(f"HostCertificate {certificate}")
    sshd.start()
    try:
        yield sshd
    finally:
        sshd.stop()


@dataclass(frozen=True)
class Fleet:
    """What `SshTransport` needs of an inventory."""

    hosts: tuple[Host, ...] = ()


@contextlib.asynccontextmanager
async def transport_to(
    *hosts: Host,
    credentials: Credentials | None = None,
    config: Path | None = None,
    **limits: Any,
) -> AsyncIterator[SshTransport]:
    """A transport that reads no configuration of this machine but the one given."""
    transport = SshTransport(
        Fleet(hosts),
        credentials or Credentials(),
        config=ClientConfig(config or Path("/nonexistent"), None),
        **limits,
    )
    try:
        yield transport
    finally:
        await transport.close()


Handler = Callable[["asyncssh.SSHServerProcess[bytes]"], Awaitable[None]]


async def by_shell(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """What sshd does with a command: give it to a shell."""
    child = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", process.command or "true"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    if child.stdin is None or child.stdout is None or child.stderr is None:
        raise RuntimeError("no pipes")
    feeding = asyncio.create_task(_copy(process.stdin, child.stdin))
    try:
        await asyncio.gather(
            _copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr)
        )
        process.exit(await child.wait())
    finally:
        feeding.cancel()
        child.stdin.close()
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


async def _copy(reader: Any, writer: Any) -> None:
    with contextlib.suppress(OSError):  # whoever reads is gone
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@dataclass
class Odd:
    """A server of our own.

    Attributes:
        handler: What is done with a command.
        before_auth: Awaited when someone begins to log in.
        handshakes: How many are on their way in now, and how many were at most.
    """

    port: int = 0
    handler: Handler = by_shell
    before_auth: Callable[[], Awaitable[None]] | None = None
    now: int = 0
    most: int = 0
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    live: list[asyncssh.SSHServerConnection] = field(default_factory=list)


class _OddServer(asyncssh.SSHServer):
    def __init__(self, odd: Odd) -> None:
        self._odd = odd
        self._counted = False

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._odd.connections += 1
        self._odd.live.append(conn)
        self._odd.now += 1
        self._counted = True
        self._odd.most = max(self._odd.most, self._odd.now)

    def _in(self) -> None:
        if self._counted:
            self._counted = False
            self._odd.now -= 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._in()

    async def begin_auth(self, username: str) -> bool:
        if self._odd.before_auth is not None:
            await self._odd.before_auth()
        return True

    def auth_completed(self) -> None:
        self._in()

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        return True


@contextlib.asynccontextmanager
async def odd_server(place: Path, odd: Odd | None = None, **options: Any) -> AsyncIterator[Odd]:
    """Serve on loopback with the keys in ``place`` (made where they are missing)."""
    odd = odd or Odd()
    for name in ("host_ed25519", "id_ed25519"):
        if not (place / name).exists():
            make_key(place / name)
    async with contextlib.AsyncExitStack() as stack:

        async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
            odd.commands.append(process.command or "")
            await odd.handler(process)

        server = await asyncssh.listen(
            "127.0.0.1",
            odd.port,
            server_factory=lambda: _OddServer(odd),
            process_factory=handle,
            server_host_keys=[str(place / "host_ed25519")],
            authorized_client_keys=str(place / "id_ed25519.pub"),
            encoding=None,
            **options,
        )
        stack.callback(server.close)
        odd.port = server.get_port()
        try:
            yield odd
        finally:
            for connection in odd.live:
                connection.abort()
            server.close()
            await server.wait_closed()
            for connection in odd.live:
                await connection.wait_closed()


def odd_host(place: Path, odd: Odd, name: str = "server", **changes: Any) -> Host:
    """An odd server as a host of an inventory, its key known."""
    known = place / "known_hosts_odd"
    line = f"[127.0.0.1]:{odd.port} {public(place / 'host_ed25519')}\n"
    if not known.exists() or line not in known.read_text():
        with known.open("a") as file:
            file.write(line)
    host = Host(
        name,
        "127.0.0.1",
        port=odd.port,
        identity=place / "id_ed25519",
        known_hosts=known,
        user="ops",
        deadlines=QUICK,
    )
    return replace(host, **changes)
