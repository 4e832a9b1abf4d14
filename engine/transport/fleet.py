"""FleetTransport: each host by the transport that the inventory names for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model.facts import HostKeyOffer
from engine.model.host import Host
from engine.shell import Script
from engine.transport.credentials import Credentials
from engine.transport.host_root import HostRoot
from engine.transport.known_hosts import accept_host_keys
from engine.transport.local import LocalTransport
from engine.transport.protocol import DEFAULT_LIMIT, AsRoot, Completed

if TYPE_CHECKING:
    from engine.transport.ssh.transport import Hosts, SshTransport


class FleetTransport:
    """Chooses by `Host.transport`; asyncssh is imported when the first host is reached by SSH."""

    def __init__(
        self, inventory: Hosts, credentials: Credentials, *, host_root: HostRoot = ""
    ) -> None:
        self._inventory = inventory
        self._credentials = credentials
        self._host_root = host_root
        self._local = LocalTransport(credentials, host_root=host_root)
        self._ssh: SshTransport | None = None

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
        chosen = self._local if host.transport == "local" else self._by_ssh()
        return await chosen.run(
            host,
            script,
            as_root=as_root,
            deadline_s=deadline_s,
            limit_bytes=limit_bytes,
            sink=sink,
        )

    def tunnel(
        self, host: Host, address: str, port: int, *, deadline_s: float
    ) -> AbstractAsyncContextManager[Path]:
        """See `Transport.tunnel`."""
        chosen = self._local if host.transport == "local" else self._by_ssh()
        return chosen.tunnel(host, address, port, deadline_s=deadline_s)

    def _by_ssh(self) -> SshTransport:
        if self._ssh is None:
            from engine.transport.ssh import SshTransport

            self._ssh = SshTransport(self._inventory, self._credentials, host_root=self._host_root)
        return self._ssh

    def accept_host_keys(self, offers: Iterable[HostKeyOffer]) -> None:
        """Write down keys that a person has accepted; the next connection finds them."""
        accept_host_keys(offers)

    async def forget(self, host_name: str) -> None:
        """See `Transport.forget`."""
        await self._local.forget(host_name)
        if self._ssh is not None:
            await self._ssh.forget(host_name)

    async def close(self) -> None:
        """See `Transport.close`."""
        await self._local.close()
        if self._ssh is not None:
            await self._ssh.close()
