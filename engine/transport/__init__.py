"""Carrying scripts to hosts and their output back. Only ``ssh`` here imports asyncssh."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.transport.credentials import Credentials
    from engine.transport.host_root import HostRoot
    from engine.transport.protocol import Transport
    from engine.transport.ssh.transport import Hosts


def open_transport(
    inventory: Hosts, credentials: Credentials, *, host_root: HostRoot = ""
) -> Transport:
    """The transport for all hosts of an inventory; nothing is connected or imported for SSH yet."""
    from engine.transport.fleet import FleetTransport

    return FleetTransport(inventory, credentials, host_root=host_root)
