"""Making one SSH connection: keys, host key, the phases it goes through, and why it failed."""

from __future__ import annotations

import asyncio
import copy
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import asyncssh
from asyncssh.encryption import get_default_encryption_algs, get_encryption_algs
from asyncssh.kex import get_default_kex_algs, get_kex_algs
from asyncssh.mac import get_default_mac_algs, get_mac_algs

from engine.errors import HostshiftError, UnreachableError
from engine.text import clean
from engine.transport.client_config import Endpoint
from engine.transport.failures import (
    AuthenticationRefused,
    ChangedHostKey,
    ConnectionReset,
    ConnectTimeout,
    JumpFailed,
    NoUsableKey,
    ProtocolFailure,
    RevokedHostKey,
)
from engine.transport.ssh.hostkeys import Expectation, choose, judge
from engine.transport.ssh.identities import Keyring, Offerable
from engine.transport.ssh.network import Network, Proxy

ALIVE_INTERVAL_S: Final = 5.0
"""Seconds of silence after which the server is asked whether it is there (ServerAliveInterval)."""
ALIVE_COUNT: Final = 3
"""Unanswered questions after which the connection counts as dead."""
RETRY_AFTER_S: Final = (0.5, 1.5)
"""Pauses, each give or take a half, before a connection that was closed at its very start is tried
again: sshd drops connections at random when many start at once (MaxStartups), and while its
package is being replaced."""
FAST_CIPHER: Final = "^aes128-gcm@openssh.com"
"""The cheapest of the secure ciphers where the processor helps; the others follow."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to connect to.

    Attributes:
        host: The inventory's name, or how a jump host is called.
        identity: The inventory's `identity`.
        via: The connection to the last jump host.
        via_name: How that one is called.
    """

    host: str
    endpoint: Endpoint
    expected: Expectation
    keyring: Keyring
    connect_s: float
    identity: Path | None = None
    via: asyncssh.SSHClientConnection | None = None
    via_name: str = ""


class Watch(asyncssh.SSHClient):
    """Sees how far a connection came, and lets nothing pass that is not vouched for."""

    def __init__(self, keys: tuple[Offerable, ...], on_lost: Callable[[], None]) -> None:
        self.phase = "connecting"
        self.offered: list[str] = []
        self.shown: asyncssh.SSHKey | None = None
        self.shown_authority: asyncssh.SSHKey | None = None
        self.proxy: Proxy | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._keys = list(keys)
        self._on_lost = on_lost

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.phase = "key exchange"
        self._connection = conn

    @property
    def greeted(self) -> bool:
        """Whether the other side has said that it is an SSH server (RFC 4253, section 4.2)."""
        connection = self._connection
        return connection is not None and bool(connection.get_extra_info("server_version"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.proxy is not None:
            self.proxy.end()
        self._on_lost()

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Called only for a key that is not among the known ones: keep it, and refuse."""
        self.shown = key
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Called only for an authority that is not among the known ones: keep it, and refuse."""
        self.shown_authority = key
        return False

    def begin_auth(self, username: str) -> None:
        self.phase = "authentication"

    def auth_completed(self) -> None:
        self.phase = "connected"

    def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        if not self._keys:
            return None
        key = self._keys.pop(0)
        self.offered.append(key.name)
        # asyncssh notes on the pair which signature this one server wants
        return copy.copy(key.pair)


async def connect(
    network: Network, target: Target, on_lost: Callable[[], None]
) -> asyncssh.SSHClientConnection:
    """A connection that is logged in.

    ``on_lost`` is called when it ends, however that comes.

    Raises:
        UnreachableError, HostKeyError: see `engine.transport.failures`.
    """
    if not target.keyring.keys:
        raise _no_key(target)
    pauses = [*RETRY_AFTER_S, None]
    watch = Watch((), on_lost)
    try:
        async with asyncio.timeout(target.connect_s):
            for pause in pauses:
                watch = Watch(target.keyring.keys, on_lost)
                try:
                    return await _once(network, target, watch)
                except ConnectionReset:
                    if pause is None:
                        raise
                    await asyncio.sleep(pause * random.uniform(0.5, 1.5))
    except TimeoutError:
        raise _timeout(target, watch) from None
    raise _timeout(target, watch)


async def _once(network: Network, target: Target, watch: Watch) -> asyncssh.SSHClientConnection:
    endpoint = target.endpoint
    options: dict[str, Any] = _options(target, watch)
    sock: socket.socket | None = None
    if target.via is not None:
        options["tunnel"] = target.via
    elif endpoint.proxy_command is not None:
        # not asyncssh's own: that takes what the command says on standard error for the server
        sock, watch.proxy = await network.start_proxy(target.host, endpoint.proxy_command)
    else:
        sock = await network.connect(target.host, endpoint)
    try:
        return await asyncssh.connect(endpoint.hostname, endpoint.port, sock=sock, **options)
    except BaseException as error:
        if sock is not None:
            sock.close()
        if watch.proxy is not None:
            watch.proxy.end()
            if isinstance(error, Exception):
                await watch.proxy.ended(within_s=1)  # its last words say why
        if isinstance(error, (asyncssh.Error, OSError, ValueError)) and not isinstance(
            error, TimeoutError
        ):
            raise _classified(target, watch, error) from error
        raise


def _options(target: Target, watch: Watch) -> dict[str, Any]:
    """What asyncssh is told; nothing of it makes asyncssh read a file."""
    endpoint = target.endpoint
    return {
        "config": None,
        "client_factory": lambda: watch,
        "username": endpoint.user,
        # keys come one by one from `Watch`; with None asyncssh looks for none by itself
        "client_keys": None,
        "agent_path": None,
        "public_key_auth": endpoint.public_key_auth,
        "password_auth": False,
        "kbdint_auth": False,
        "host_based_auth": False,
        "gss_host": None,
        "gss_kex": False,
        "gss_auth": False,
        "x509_trusted_certs": None,
        "x509_trusted_cert_paths": [],
        "known_hosts": target.expected.parsed,
        "host_key_alias": target.expected.name,
        "server_host_key_algs": list(target.expected.algorithms),
        "compression_algs": None,
        "keepalive_interval": endpoint.alive_interval_s or ALIVE_INTERVAL_S,
        "keepalive_count_max": endpoint.alive_count or ALIVE_COUNT,
        "connect_timeout": None,
        "login_timeout": 0,
        "encoding": None,
        "request_pty": False,
        **_algorithms(endpoint.ciphers, endpoint.kex, endpoint.macs),
    }


@lru_cache(maxsize=256)
def _algorithms(ciphers: str | None, kex: str | None, macs: str | None) -> dict[str, list[str]]:
    found = {
        "encryption_algs": choose(
            ciphers or FAST_CIPHER, get_encryption_algs(), get_default_encryption_algs()
        )
    }
    if kex is not None:
        found["kex_algs"] = choose(kex, get_kex_algs(), get_default_kex_algs())
    if macs is not None:
        found["mac_algs"] = choose(macs, get_mac_algs(), get_default_mac_algs())
    return {option: list(names) for option, names in found.items()}


def _where(target: Target) -> str:
    endpoint = target.endpoint
    return f"{target.host} ({endpoint.hostname} port {endpoint.port})"


def _no_key(target: Target) -> NoUsableKey:
    encrypted, unreadable = target.keyring.encrypted, target.keyring.unreadable
    if encrypted:
        return NoUsableKey(
            f"The key for {target.host} needs a passphrase, and no agent holds it: {encrypted[0]}.",
            hint=f"Load it into the agent: `ssh-add {encrypted[0]}`.",
        )
    if unreadable:
        return NoUsableKey(
            f"There is no usable key for {target.host}: {'; '.join(unreadable)}.",
            hint="Name an existing private key as `identity` in the inventory, or as IdentityFile.",
        )
    return NoUsableKey(
        f"There is no key to offer to {target.host}: no default key in ~/.ssh, none in an agent.",
        hint="Name one as `identity` in the inventory, or start an agent and `ssh-add` one.",
    )


def _timeout(target: Target, watch: Watch) -> ConnectTimeout:
    state = {
        "connecting": "Nothing answered.",
        "key exchange": "It greeted and then hung in the key exchange."
        if watch.greeted
        else "Something took the connection and did not greet as an SSH server.",
        "authentication": "It showed its key and then hung while logging in.",
    }.get(watch.phase, f"It came as far as: {watch.phase}.")
    via = f" by way of {target.via_name}" if target.via is not None else ""
    return ConnectTimeout(
        f"No connection to {_where(target)}{via} within {target.connect_s:g} s. {state}",
        hint="Is the host up, and is its SSH port open from here? A slow line needs a longer "
        "`connect` deadline.",
    )


def _classified(
    target: Target, watch: Watch, error: asyncssh.Error | OSError | ValueError
) -> HostshiftError:
    """What a failure of asyncssh means."""
    said = clean(str(error)).replace("\n", " ").strip()
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _host_key(target, watch, said)
    if isinstance(error, asyncssh.ChannelOpenError):
        return _jump_refused(target, said)
    if isinstance(error, asyncssh.PermissionDenied):
        return _denied(target, watch, said)
    if watch.phase == "authentication" and isinstance(error, asyncssh.DisconnectError):
        return _denied(target, watch, said)
    if isinstance(error, (asyncssh.ConnectionLost, OSError)):
        return _lost(target, watch, said)
    return ProtocolFailure(
        f"{_where(target)} and hostshift found no common SSH: {said}.",
        hint="Is that an SSH server? An old one may only know algorithms that are not safe any "
        f"more: `ssh -vv {target.endpoint.hostname}` lists them.",
    )


def _host_key(target: Target, watch: Watch, said: str) -> HostshiftError:
    if watch.shown is not None:
        return judge(watch.shown, target.expected)
    if target.expected.vouched.revoked:
        revoked = ", ".join(entry.where for entry in target.expected.vouched.revoked)
        if "revoked" in said:
            return RevokedHostKey(
                f"{_where(target)} shows a key that is revoked in {revoked}.",
                hint="Don't connect. Find out who holds it, and give the host a new key.",
            )
    authorities = "; ".join(
        f"{entry.fingerprint} ({entry.where})" for entry in target.expected.vouched.authorities
    )
    shown = watch.shown_authority
    signed = (
        f" It was signed by {shown.get_fingerprint()}; known is {authorities}." if shown else ""
    )
    return ChangedHostKey(
        f"The host certificate of {_where(target)} can't be taken: {said}.{signed}",
        hint="Look at the certificate's names, dates and authority on the host: "
        "`ssh-keygen -Lf /etc/ssh/ssh_host_ed25519_key-cert.pub`.",
    )


def _jump_refused(target: Target, said: str) -> UnreachableError:
    return JumpFailed(
        f"The jump host {target.via_name} could not connect to {_where(target)}: {said}.",
        hint=f"Is the host up, and may {target.via_name} reach it? AllowTcpForwarding must be on "
        "in the jump host's sshd_config.",
    )


def _denied(target: Target, watch: Watch, said: str) -> AuthenticationRefused:
    offered = ", ".join(watch.offered) or "none"
    many = "too many" in said.lower()
    locked = target.keyring.encrypted
    hint = (
        "The server gave up before the right key's turn: name it as `identity`."
        if many
        else f"Load the encrypted key: `ssh-add {locked[0]}`."
        if locked
        else f"Does ~{target.endpoint.user}/.ssh/authorized_keys there hold one of these keys, "
        f"and is `user` right? Try `ssh -v {target.endpoint.user}@{target.endpoint.hostname}`."
    )
    return AuthenticationRefused(
        f"{_where(target)} did not let {target.endpoint.user} in: {said}. Offered: {offered}.",
        hint=hint,
    )


def _lost(target: Target, watch: Watch, said: str) -> UnreachableError:
    if watch.proxy is not None and watch.phase in ("connecting", "key exchange"):
        words = clean(watch.proxy.said).strip().replace("\n", " ") or said
        return JumpFailed(
            f"The ProxyCommand of {target.host} ended without a connection: {words}.",
            hint=f"Try it by hand: {target.endpoint.proxy_command}",
        )
    when = f"during the {watch.phase}" if watch.greeted else "before it greeted as an SSH server"
    return ConnectionReset(
        f"{_where(target)} closed the connection {when}: {said}.",
        hint="sshd may be starting or being replaced, or refuse that many connections at once "
        "(MaxStartups), or a filter such as fail2ban has shut this address out. Try again in a "
        "minute.",
    )
