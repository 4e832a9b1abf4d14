"""Looking: what each server of a zone answers for a name, asked directly. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.clock import Clock
from engine.dns import problems
from engine.dns.names import is_reverse
from engine.dns.servers import servers_of
from engine.dns.values import ADDRESSES, Answer, Problem, Records, Reply, Server, Type, Wire
from engine.inventory.value import Zone


@dataclass(frozen=True, slots=True)
class Look:
    """What the servers of a zone say of some names.

    Attributes:
        answers: By name, then by server, in their orders.
        problems: What stood in the way of finding the servers.
    """

    zone: str
    servers: tuple[Server, ...]
    answers: tuple[Answer, ...]
    problems: tuple[Problem, ...] = ()

    def of(self, name: str) -> tuple[Answer, ...]:
        """What each server says of one name."""
        return tuple(answer for answer in self.answers if answer.name == name)


async def look(wire: Wire, clock: Clock, zone: Zone, names: Sequence[str]) -> Look:
    """Find the servers of a zone and ask each for A, AAAA and CNAME (in reverse zones PTR)."""
    servers, wrong = await servers_of(wire, zone)
    answers = await ask_all(wire, clock, zone.name, servers, names)
    return Look(zone.name, servers, answers, wrong)


async def ask_all(
    wire: Wire,
    clock: Clock,
    zone: str | None,
    servers: Sequence[Server],
    names: Sequence[str],
    kinds: Sequence[Type] | None = None,
) -> tuple[Answer, ...]:
    """Ask these servers for these names, all at once within the wire's bounds.

    Args:
        zone: Whose serial is asked for too; None: only resolvers are asked.
    """
    states = dict(
        zip(
            servers,
            await asyncio.gather(*(_soa(wire, server, zone) for server in servers)),
            strict=True,
        )
    )
    return tuple(
        await asyncio.gather(
            *(
                _answer(wire, clock, zone, server, states[server], name, kinds)
                for name in dict.fromkeys(names)
                for server in servers
            )
        )
    )


async def _soa(wire: Wire, server: Server, zone: str | None) -> Reply | None:
    if zone is None:
        return None
    return await wire.ask(server, zone, "SOA", recurse=server.role == "watched")


async def _answer(
    wire: Wire,
    clock: Clock,
    zone: str | None,
    server: Server,
    soa: Reply | None,
    name: str,
    kinds: Sequence[Type] | None,
) -> Answer:
    wanted = kinds or (("PTR",) if is_reverse(name) else ADDRESSES)
    asked_at = clock.now()
    replies = await asyncio.gather(
        *(wire.ask(server, name, kind, recurse=server.role == "watched") for kind in wanted)
    )
    return joined(server, zone, name, asked_at, replies, soa)


def joined(
    server: Server,
    zone: str | None,
    name: str,
    asked_at: datetime,
    replies: Sequence[Reply],
    soa: Reply | None,
) -> Answer:
    """The replies to the questions for one name as one answer. Pure."""
    everything = {(r.name, r.type): r for reply in replies for r in reply.answer}
    wrong = next((reply.problem for reply in replies if reply.problem is not None), None)
    serial, negative = _zone_state(soa, zone)
    authoritative = all(reply.authoritative for reply in replies)
    if wrong is None and zone is not None and server.role != "watched" and not authoritative:
        wrong = problems.lame(server, zone)
    return Answer(
        server,
        name,
        asked_at,
        rcode=_worst(replies),
        authoritative=authoritative if wrong is None or wrong.kind == "lame" else None,
        records=tuple(found for (owner, _), found in everything.items() if owner == name),
        addresses=_end_of_chain(name, everything.values()),
        serial=serial,
        negative_ttl=negative,
        problem=wrong,
    )


def _worst(replies: Sequence[Reply]) -> str | None:
    """NOERROR where one type exists; any other word than that stays visible."""
    rcodes = [reply.rcode for reply in replies]
    if None in rcodes:
        return None
    return next((rcode for rcode in rcodes if rcode != "NOERROR"), "NOERROR")


def _end_of_chain(name: str, everything: Iterable[Records]) -> tuple[str, ...]:
    found = list(everything)
    seen = {name}
    while True:
        follows = next((r for r in found if r.type == "CNAME" and r.name == name), None)
        if follows is None or follows.values[0] in seen:
            break
        name = follows.values[0]
        seen.add(name)
    here = (r for kind in ADDRESSES for r in found if r.name == name and r.type == kind)
    return tuple(dict.fromkeys(value for r in here for value in r.values))


def _zone_state(soa: Reply | None, zone: str | None) -> tuple[int | None, int | None]:
    """The zone's serial, and for how long caches may remember an absence (RFC 2308 section 5)."""
    found = None
    if soa is not None:
        found = next((r for r in soa.answer if r.type == "SOA" and r.name == zone), None)
    if found is None:
        return None, None
    words = found.values[0].split()
    try:
        return int(words[2]), min(int(words[6]), found.ttl)
    except (IndexError, ValueError):
        return None, None
