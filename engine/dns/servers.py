"""Which servers are asked about a zone: its primary, its NS set, and those that are watched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from engine.dns.names import lies_in
from engine.dns.values import ADDRESSES, Problem, Records, Role, Server, Wire
from engine.inventory.value import Zone

Found = tuple[tuple[Server, ...], tuple[Problem, ...]]
MOST: Final = 32
"""Name servers of one zone; the root has 13."""


async def servers_of(wire: Wire, zone: Zone) -> Found:
    """The servers of a zone, each address once, and what stood in the way of finding more.

    The NS set is asked of the primary; where there is none, or it gives no answer, of those that
    are watched and of this machine's resolvers. A name server is asked at its IPv4 addresses, and
    by IPv6 only where it has none.
    """
    named = [zone.server] if zone.server is not None else []
    own = [await _named(wire, name, zone.port, "primary") for name in named]
    watched = await asyncio.gather(*(_named(wire, name, 53, "watched") for name in zone.watch))
    fixed = [server for servers, _ in (*own, *watched) for server in servers]
    listed, wrong = await _listed(wire, zone.name, (*fixed, *wire.resolvers()))
    primary = [server for servers, _ in own for server in servers]
    found = merged(primary, listed, [server for server in fixed if server.role == "watched"])
    return found, (*(problem for _, said in (*own, *watched) for problem in said), *wrong)


def merged(*groups: Iterable[Server]) -> tuple[Server, ...]:
    """Each address once, in its first role; named as the NS set names it. Pure."""
    by_place: dict[tuple[str, int], Server] = {}
    for server in (server for group in groups for server in group):
        place = (server.address, server.port)
        first = by_place.setdefault(place, server)
        if first is not server and first.name == first.address:
            by_place[place] = Server(server.name, first.address, first.port, first.role)
    return tuple(by_place.values())


async def _named(wire: Wire, name: str, port: int, role: Role) -> Found:
    found = await wire.addresses(name)
    if isinstance(found, Problem):
        return (), (found,)
    return tuple(Server(name, address, port, role) for address in _first_family(found)), ()


async def _listed(wire: Wire, zone: str, ask: Sequence[Server]) -> Found:
    wrong: list[Problem] = []
    for server in ask:
        reply = await wire.ask(server, zone, "NS", recurse=server.role == "watched")
        names = [
            name
            for found in reply.answer
            if found.type == "NS" and found.name == zone
            for name in found.values
        ][:MOST]
        if names:
            each = await asyncio.gather(
                *(_name_server(wire, name, zone, server, reply.more) for name in names)
            )
            wrong += [problem for _, said in each for problem in said]
            return tuple(s for found, _ in each for s in found), tuple(wrong)
        if server.role == "primary":
            wrong.append(reply.problem or _no_zone(server, zone))
    if not wrong:
        wrong.append(
            Problem(
                "no-zone",
                f"nobody knows the name servers of {zone}",
                "Is its name right? Give it a server, or this machine a resolver that knows it.",
            )
        )
    return (), tuple(wrong)


def _no_zone(server: Server, zone: str) -> Problem:
    return Problem(
        "no-zone",
        f"{server.shown} knows no name servers of {zone}",
        "Is the zone's name right, and does the server hold it?",
    )


async def _name_server(
    wire: Wire, name: str, zone: str, server: Server, glue: Sequence[Records]
) -> Found:
    """Where one name of the NS set is asked; names in the zone as the one says who told the set."""
    addresses = _values([r for r in glue if r.name == name])
    if not addresses and lies_in(name, zone):
        recurse = server.role == "watched"
        replies = [wire.ask(server, name, kind, recurse=recurse) for kind in ADDRESSES]
        addresses = _values([r for reply in await asyncio.gather(*replies) for r in reply.answer])
    if not addresses:
        looked_up = await wire.addresses(name)
        if isinstance(looked_up, Problem):
            return (), (looked_up,)
        addresses = list(looked_up)
    return tuple(Server(name, address) for address in _first_family(addresses)), ()


def _values(found: Sequence[Records]) -> list[str]:
    return [value for r in found if r.type in ADDRESSES for value in r.values]


def _first_family(addresses: Sequence[str]) -> list[str]:
    four = [address for address in addresses if ":" not in address]
    return four or list(addresses)


async def primary_of(wire: Wire, zone: Zone) -> Server | Problem:
    """The server that takes updates of a zone."""
    if zone.server is None:
        return Problem(
            "no-primary",
            f"{zone.name} has no server that takes updates; it is changed by its command",
            "Give the zone a server in the inventory, or use its command.",
        )
    found, wrong = await _named(wire, zone.server, zone.port, "primary")
    return found[0] if found else wrong[0]
