"""Sockets that wait for others: lines of /proc/net/{tcp,tcp6,udp,udp6}, as health.sh gives them.

``PROTOCOL ADDRESS:PORT INODE`` each, then ``holder INODE CGROUP COMM`` for every process that has
such a socket open (root sees all). The kernel prints addresses as hexadecimal words of 32 bits in
the machine's own byte order, ports as numbers (Documentation/networking/proc_net_tcp.rst).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, cast

from engine.programs.lines import cleaned_lines, single, whole_number

Protocol = Literal["tcp", "udp"]
_SIZES = {"tcp": 8, "udp": 8, "tcp6": 32, "udp6": 32}
_ENDPOINT = re.compile("([0-9A-F]+):([0-9A-F]{4})")
_EPHEMERAL = (32768, 60999)
"""The kernel's default of ip_local_port_range (ip-sysctl.rst)."""


@dataclass(frozen=True, slots=True)
class Listening:
    """A TCP listener, or a UDP socket that takes from anybody.

    Attributes:
        program: The process's name (``comm``); systemd's only where it alone has the socket open.
            None where that can't be seen: not root, or a socket of the kernel's own.
        place: The systemd unit that the process belongs to, or its slice and unit in a session.
        ephemeral: The port is of the range from which the kernel gives ports to those who name
            none, so that it is likely another one after a restart.
    """

    protocol: Protocol
    address: str
    port: int
    program: str | None = None
    place: str | None = None
    ephemeral: bool = False

    @property
    def shown(self) -> str:
        """Such as ``tcp 0.0.0.0:80 (nginx)``."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        program = f" ({self.program})" if self.program else ""
        return f"{self.protocol} {address}:{self.port}{program}"


def parse(output: bytes, exit_status: int | None) -> tuple[Listening, ...] | None:
    """Every such socket once, sorted; None where the list isn't known to be whole."""
    fields = single(output)
    if exit_status != 0 or fields.get("seen") != "all" or fields.get("order") not in ("1", "256"):
        return None
    little = fields["order"] == "1"
    low, high = _range(fields.get("ephemeral", ""))
    bound: dict[tuple[Protocol, str, int], set[str]] = {}
    holders: dict[str, set[tuple[str, str]]] = {}
    for line in cleaned_lines(output):
        words = line.split(" ", 3)
        if words[0] == "holder" and len(words) == 4:
            holders.setdefault(words[1], set()).add((words[3], words[2]))
        elif words[0] in _SIZES and len(words) == 3:
            place = _endpoint(words[1], _SIZES[words[0]], little=little)
            if place is None:
                return None
            key = (cast("Protocol", words[0][:3]), *place)
            bound.setdefault(key, set()).add(words[2])
    found = []
    for (protocol, address, port), inodes in sorted(bound.items()):
        program, unit = _holder(h for inode in inodes for h in holders.get(inode, ()))
        found.append(Listening(protocol, address, port, program, unit, low <= port <= high))
    return tuple(found)


def _holder(holders: Iterable[tuple[str, str]]) -> tuple[str | None, str | None]:
    # systemd keeps a socket open beside the service that it has started for it.
    program, path = min(holders, key=lambda h: (h[0] == "systemd", h), default=(None, "-"))
    unit = path.rpartition("/")[2]
    return program, unit if "." in unit else None


def _range(text: str) -> tuple[int, int]:
    numbers = [whole_number(word, 65_535) for word in text.split()]
    if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
        return numbers[0], numbers[1]
    return _EPHEMERAL


def _endpoint(text: str, size: int, *, little: bool) -> tuple[str, int] | None:
    match = _ENDPOINT.fullmatch(text)
    if match is None or len(match[1]) != size:
        return None
    raw = bytes.fromhex(match[1])
    if little:
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    port = int(match[2], 16)
    if size == 8:
        return str(IPv4Address(raw)), port
    address = IPv6Address(raw)
    return str(address.ipv4_mapped or address), port
