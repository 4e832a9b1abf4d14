"""Default routes of /proc/net/route and /proc/net/ipv6_route, as health.sh gives them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from engine.programs.lines import cleaned_lines, single

_UP, _REJECT = 0x1, 0x200
"""RTF_UP and RTF_REJECT of <linux/route.h>."""


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """Where packets go that no other route of the main table takes; ``gateway`` None: a link."""

    family: Literal["IPv4", "IPv6"]
    gateway: str | None
    interface: str

    @property
    def shown(self) -> str:
        """Such as ``IPv4 via 192.0.2.1 (eth0)``."""
        return f"{self.family}{f' via {self.gateway}' if self.gateway else ''} ({self.interface})"


def parse(output: bytes, exit_status: int | None) -> tuple[DefaultRoute, ...] | None:
    """Every default route once, sorted; None where the list isn't known to be whole."""
    if exit_status != 0 or single(output).get("seen") != "all":
        return None
    found = set()
    for line in cleaned_lines(output):
        words = line.split()
        try:
            if words[0] == "route4" and len(words) > 8:
                found.add(_ipv4(words[1:]))
            elif words[0] == "route6" and len(words) > 10:
                found.add(_ipv6(words[1:]))
        except ValueError:
            return None
    routes = [route for route in found if route is not None]
    return tuple(sorted(routes, key=lambda r: (r.family, r.gateway or "", r.interface)))


def _ipv4(words: list[str]) -> DefaultRoute | None:
    # Iface Destination Gateway Flags RefCnt Use Metric Mask ...: addresses in the machine's order,
    # which is read as little-endian; on others the gateway is shown reversed, and compares as well.
    if int(words[7], 16) != 0 or not int(words[3], 16) & _UP or int(words[3], 16) & _REJECT:
        return None
    gateway = bytes.fromhex(words[2])[::-1]
    return DefaultRoute("IPv4", str(IPv4Address(gateway)) if any(gateway) else None, words[0])


def _ipv6(words: list[str]) -> DefaultRoute | None:
    # destination prefix source prefix next-hop metric references use flags device
    flags = int(words[8], 16)
    if words[1] != "00" or not flags & _UP or flags & _REJECT:
        return None
    gateway = bytes.fromhex(words[4])
    return DefaultRoute("IPv6", str(IPv6Address(gateway)) if any(gateway) else None, words[9])
