"""Every DNS name of the inventory's services: what each server answers, and whether it leads to the
service's host. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from engine.clock import Clock
from engine.dns.look import ask_all
from engine.dns.names import lies_in
from engine.dns.servers import servers_of
from engine.dns.values import Answer, Problem, Server, Wire
from engine.inventory.value import Inventory, Zone

Verdict = Literal["leads-there", "cached", "elsewhere", "absent", "differs", "unknown"]
MEND: Final = {
    "elsewhere": "Mend the records, or the service's host in the inventory.",
    "absent": "Add the record, or take the name out of the inventory.",
    "differs": "Compare the serials: a secondary that lags, or another view of the zone.",
}
"""What to do about a verdict that is wrong."""
_SAYS: Final = {
    "leads-there": "leads to {host}",
    "cached": "leads to {host}; a resolver still has older records",
    "elsewhere": "leads to other addresses than those of {host}",
    "absent": "has no record",
    "differs": "is not the same at all of its name servers",
    "unknown": "nobody can say whether it leads to {host}",
}
UNREACHED = ("timeout", "unreachable", "not-listening", "no-address")
"""Kinds of problems that say nothing of the zone: nobody answered."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host is: what SSH connects to, and the addresses behind it."""

    host: str
    address: str
    addresses: tuple[str, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """One DNS name of a service.

    Attributes:
        zone: The zone of the inventory it lies in; None: its answers are those of resolvers.
        verdict: ``cached``: the zone leads there, and a resolver still has older records.
            ``differs``: the zone's own servers don't agree. ``unknown``: nobody answered, or it
            isn't known where the host is.
    """

    service: str
    name: str
    place: Place
    zone: str | None
    answers: tuple[Answer, ...]
    verdict: Verdict

    @property
    def shown(self) -> str:
        """The name and its verdict in words."""
        addresses = ", ".join(self.place.addresses) or self.place.address
        says = _SAYS[self.verdict].format(host=f"{self.place.host} ({addresses})")
        apart = "" if self.zone is not None else ", in no zone of the inventory"
        return f"{self.name} ({self.service}{apart}): {says}"


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        servers: By zone, in the inventory's order.
        problems: What stood in the way of finding servers.
    """

    names: tuple[Named, ...]
    servers: Mapping[str, tuple[Server, ...]]
    problems: tuple[Problem, ...]

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong with servers, each once."""
        asked = (a.problem for named in self.names for a in named.answers if a.problem is not None)
        return tuple(dict.fromkeys((*self.problems, *asked)))


async def survey(
    wire: Wire, clock: Clock, inventory: Inventory, where: Mapping[str, str]
) -> Survey:
    """Ask everybody about every name.

    Args:
        where: What SSH connects to, by host; the names of other hosts' services are left out.
    """
    zones = {zone.name: zone for zone in inventory.zones}
    hosts = [host for host in inventory.hosts if host.name in where]
    places = dict(
        zip(
            (host.name for host in hosts),
            await asyncio.gather(*(_place(wire, h.name, where[h.name]) for h in hosts)),
            strict=True,
        )
    )
    wanted = [
        (service.name, name, places[host.name], _zone_of(name, inventory.zones))
        for host in hosts
        for service in host.services
        for name in service.names
    ]
    used = [zone for zone in inventory.zones if any(found == zone.name for *_, found in wanted)]
    found = await asyncio.gather(*(servers_of(wire, zones[zone.name]) for zone in used))
    servers = {zone.name: some for zone, (some, _) in zip(used, found, strict=True)}
    groups = dict.fromkeys(zone for *_, zone in wanted)
    asked = await asyncio.gather(
        *(
            ask_all(
                wire,
                clock,
                zone,
                servers[zone] if zone is not None else wire.resolvers(),
                [name for _, name, _, other in wanted if other == zone],
            )
            for zone in groups
        )
    )
    answers = [answer for group in asked for answer in group]
    names = []
    for service, name, place, zone in wanted:
        mine = tuple(answer for answer in answers if answer.name == name)
        names.append(Named(service, name, place, zone, mine, judge(mine, place)))
    return Survey(tuple(names), servers, tuple(p for _, said in found for p in said))


async def _place(wire: Wire, host: str, address: str) -> Place:
    found = await wire.addresses(address)
    if isinstance(found, Problem):
        return Place(host, address.lower(), (), found)
    return Place(host, address.lower(), found)


def _zone_of(name: str, zones: Sequence[Zone]) -> str | None:
    inside = [zone.name for zone in zones if lies_in(name, zone.name)]
    return max(inside, key=len, default=None)


def leads(answer: Answer, place: Place) -> bool | None:
    """Whether an answer leads to a host and nowhere else; None: that can't be said. Pure."""
    if not answer.answered:
        return None
    alias = answer.of("CNAME")
    if alias is not None and alias.values[0] == place.address:
        return True
    if not place.addresses or (alias is not None and not answer.addresses):
        return None
    return bool(answer.addresses) and set(answer.addresses) <= set(place.addresses)


def judge(answers: Sequence[Answer], place: Place) -> Verdict:
    """What the answers for one name come to. Pure."""
    counted = [answer for answer in answers if answer.answered]
    if not counted:
        return "unknown"
    own = [answer for answer in counted if answer.authoritative]
    if len({frozenset(answer.records) for answer in own}) > 1:
        return "differs"
    if not any(answer.records for answer in counted):
        return "absent"
    all_say = [leads(answer, place) for answer in counted]
    if False in all_say:
        return "cached" if own and all(leads(answer, place) for answer in own) else "elsewhere"
    return "unknown" if None in all_say else "leads-there"
