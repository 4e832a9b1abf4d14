"""What else of the DNS holds a host's address: its reverse names (PTR), and SPF (RFC 7208)."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from engine.dns.names import lies_in, reverse_name
from engine.dns.survey import Survey
from engine.dns.values import Type, Wire

_SPF: Final = re.compile(r"v=spf1( |$)", re.IGNORECASE)
_MECHANISM: Final = re.compile(r"[+?~-]?ip[46]:(\S+)", re.IGNORECASE)
"""Mechanisms that hold addresses (section 5.6); ``a`` and ``mx`` follow their names."""
MOST: Final = 8
"""Addresses of a host that are asked about: what it says of itself is bounded."""
_RESOLVED: Final = ("NOERROR", "NXDOMAIN")


@dataclass(frozen=True, slots=True)
class Mark:
    """One record that holds an address of the host, and doesn't move with the services' names.

    Attributes:
        name: Where it stands: the reverse name's address, or a domain.
        says: The name that the address has, or the part of the SPF record that covers it.
    """

    kind: Literal["ptr", "spf"]
    name: str
    address: str
    says: str


async def marks(
    wire: Wire, survey: Survey, addresses: Iterable[str], ours: Sequence[str] = ()
) -> tuple[Mark, ...]:
    """Ask for the reverse name of each address, and for SPF at the services' names and above them.

    What nobody answers is left out: that there is no mark is not said by this.

    Args:
        ours: Zones of the inventory: reverse names in them are made by the replacement itself.
    """
    own = sorted({address for one in addresses if (address := _address(one))})[:MOST]
    domains = sorted({above for named in survey.names for above in _upwards(named.name, survey)})
    found = await asyncio.gather(
        *(_reverse(wire, survey, address) for address in own if not _is_ours(address, ours)),
        *(_spf(wire, survey, domain, own) for domain in domains),
    )
    return tuple(mark for some in found for mark in some)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _is_ours(address: str, zones: Sequence[str]) -> bool:
    return any(lies_in(reverse_name(address), zone) for zone in zones)


def _upwards(name: str, survey: Survey) -> Iterator[str]:
    """The name and those above it, up to its zone where that is known."""
    zone = next((z for z in survey.servers if lies_in(name, z)), None)
    while "." in name:
        yield name
        if name == zone:
            return
        name = name.partition(".")[2]


async def _reverse(wire: Wire, survey: Survey, address: str) -> list[Mark]:
    values = await _values(wire, survey, reverse_name(address), "PTR")
    return [Mark("ptr", address, address, name) for name in values]


async def _spf(wire: Wire, survey: Survey, domain: str, own: Sequence[str]) -> list[Mark]:
    said = [_joined(text) for text in await _values(wire, survey, domain, "TXT")]
    return [
        Mark("spf", domain, address, part)
        for text in said
        if _SPF.match(text)
        for part, network in _networks(text)
        for address in own
        if ipaddress.ip_address(address) in network
    ]


def _networks(
    text: str,
) -> Iterator[tuple[str, ipaddress.IPv4Network | ipaddress.IPv6Network]]:
    for match in _MECHANISM.finditer(text):
        try:
            yield match[0], ipaddress.ip_network(match[1], strict=False)
        except ValueError:
            continue


def _joined(text: str) -> str:
    """A TXT value without its quotes: strings of one record belong together (section 3.3)."""
    return re.sub(r'"\s*"', "", text).strip('"')


async def _values(wire: Wire, survey: Survey, name: str, kind: Type) -> tuple[str, ...]:
    """What the first server says that can: the zone's own, else resolvers."""
    zone = max((z for z in survey.servers if lies_in(name, z)), key=len, default=None)
    servers = survey.servers[zone] if zone is not None else ()
    watched = [s for some in survey.servers.values() for s in some if s.role == "watched"]
    own = [s for s in servers if s.role != "watched"]
    for server in dict.fromkeys((*own, *watched, *wire.resolvers())):
        reply = await wire.ask(server, name, kind, recurse=server not in own)
        if reply.problem is None and reply.rcode in _RESOLVED:
            return tuple(v for r in reply.answer if r.type == kind for v in r.values)
    return ()
