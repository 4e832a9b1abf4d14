"""What ``status`` and ``plan`` share: looking at hosts, and the exit status of what was seen."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from engine.errors import InputError, NeedsPersonError, UnreachableError
from engine.facts.failure import needs_person
from engine.inventory import Inventory
from engine.model.facts import Depth, Look
from engine.model.host import Host

Pair = tuple[Host, Look]


def chosen(inventory: Inventory, names: Sequence[str]) -> tuple[Host, ...]:
    """The hosts of these names, each once; all of the inventory where none is named.

    Raises:
        InputError: the inventory has no such host, or none at all.
    """
    if names:
        return tuple(inventory.host(name) for name in dict.fromkeys(names))
    if not inventory.hosts:
        raise InputError(
            f"{inventory.path} has no hosts.", hint="Add one: [hosts.server1], or `hostshift init`."
        )
    return inventory.hosts


def look_at_hosts(
    args: argparse.Namespace, inventory: Inventory, hosts: Sequence[Host], depth: Depth
) -> tuple[tuple[Pair, ...], datetime]:
    """Look at the hosts and close every connection; the pairs in the order of ``hosts``."""
    return asyncio.run(_look(args, inventory, hosts, depth))


async def _look(
    args: argparse.Namespace, inventory: Inventory, hosts: Sequence[Host], depth: Depth
) -> tuple[tuple[Pair, ...], datetime]:
    from engine import door

    session = door.open_session(inventory, read_only=args.read_only)
    found: dict[str, Look] = {}

    def remember(look: Look) -> None:
        found[look.host] = look
        _tell(len(found), len(hosts))

    try:
        await door.look(session, hosts, depth, remember)
    finally:
        await session.transport.close()
    return tuple((host, found[host.name]) for host in hosts), session.clock.now()


def _tell(done: int, total: int) -> None:
    """How far the look has come, for whoever waits at a terminal."""
    if total > 1 and sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{done} of {total} hosts", end=end, file=sys.stderr, flush=True)


def exit_status(looks: Iterable[Look]) -> int:
    """0 when each host was looked at, 4 when a person is needed for one, else 3."""
    errors = [look.error for look in looks if look.error is not None and look.facts is None]
    if any(needs_person(error) for error in errors):
        return NeedsPersonError.exit_status
    return UnreachableError.exit_status if errors else 0
