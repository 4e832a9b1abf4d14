"""What works on a host, in one look: taken before anything is changed, and again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.clock import Clock
from engine.families.protocol import Section
from engine.families.reading import Reading
from engine.health import checks as checking
from engine.health.exchange import Tries, exchange
from engine.health.health import Health
from engine.model.host import Host
from engine.model.plan import ServiceCheck
from engine.programs import containers, mounts, routes, sockets, systemd
from engine.transport.protocol import Transport


async def take(
    transport: Transport,
    host: Host,
    checks: Sequence[ServiceCheck],
    clock: Clock,
    *,
    address: str | None = None,
    tries: Tries | None = None,
) -> Health:
    """Look at the host and make the checks: one exchange, http and tcp beside it.

    Args:
        address: Where http and tcp checks go; the host's own address where it isn't given.

    Raises:
        HostOutputError: what came is not what the script prints.
        UnreachableError, NeedsPersonError: see `Transport.run`; nothing is known then.
    """
    tries = tries or Tries()
    here = asyncio.create_task(checking.by_network(transport, host, checks, clock, address, tries))
    try:
        words = checking.words_on_host(checks)
        output, done = await exchange(transport, host, "all", tries, words)
        results = (
            *await here,
            *checking.read_on_host(checks, output.sections.get("checks"), tries),
        )
    finally:
        here.cancel()
    health = read(host, output.sections, clock.now(), privileged=done.as_root)
    return replace(health, checks=checking.in_order(checks, results))


def read(host: Host, sections: Mapping[str, Section], now: datetime, *, privileged: bool) -> Health:
    """The sections of health.sh as a value, without checks. Never raises."""
    told = Reading(sections, of_systemd=("failed", "services"))
    parsed = told.parsed
    return Health(
        host=host.name,
        taken_at=now,
        privileged=privileged,
        kernel=told.about.get("kernel"),
        failed_units=parsed("failed", systemd.parse_failed, "failed units"),
        services=parsed("services", systemd.parse_services, "running services"),
        sockets=parsed("sockets", sockets.parse, "listening sockets"),
        containers=_named(host, parsed("containers", containers.parse_states, "containers")),
        mounts=parsed("mounts", mounts.parse, "mounts"),
        routes=parsed("routes", routes.parse, "default routes"),
        unread=tuple(told.unread),
    )


def _named(
    host: Host, found: tuple[containers.ContainerState, ...] | None
) -> tuple[containers.ContainerState, ...] | None:
    """The containers; those that the inventory names are meant to run on, whatever their policy."""
    if found is None:
        return None
    named = {name for service in host.services for name in service.containers}
    return tuple(replace(c, lasting=c.lasting or c.name in named) for c in found)
