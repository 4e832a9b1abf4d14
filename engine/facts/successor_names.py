"""Which names nearer than the successor's are taken in the DNS, as this machine's resolver says."""

from __future__ import annotations

from typing import Final

from engine.model.facts import BuiltSuccessor
from engine.model.host import Host
from engine.session import Session
from engine.successor import follows, names_of, own_dns_name, propose

MOST: Final = 10
"""Names in a row after which it is no row of servers, but a zone that answers for every name."""


async def taken_in_dns(
    session: Session, host: Host, built: BuiltSuccessor | None
) -> tuple[str, ...] | None:
    """The DNS names that the host's successor can't have; None: nobody could tell, or was asked.

    Only a host that can be replaced is asked about, and only where its own address is its name
    with a domain: other successors have no DNS name of their own.

    Args:
        built: The successor that an earlier try has built: its name is in the DNS by our doing.
    """
    resolves = session.resolves
    if resolves is None or host.replacement.provision is None or host.retiring:
        return None
    free = own_dns_name(host, built.name) if built and follows(host, built.name) else None
    taken: list[str] = []
    inventory = names_of(session.inventory)
    while len(taken) < MOST:
        name = propose(host, {*inventory, *taken}).address
        if name is None or name == free:
            return tuple(taken)
        known = await resolves(name)
        if known is None:
            return None
        if not known:
            return tuple(taken)
        taken.append(name)
    return None
