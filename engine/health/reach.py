"""Whether a port of a host can be reached, and by which way: from here, or as SSH comes there."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from engine.errors import InputError
from engine.model.host import Host
from engine.text import clean_line
from engine.transport.client_config import ClientConfig

_SAID_NO = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})
"""The host itself answered: nothing listens there. Any other failure may be the way's."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where http and tcp checks of a host go.

    Attributes:
        address: An address or DNS name.
        jump: What SSH connects through; the address counts there, and may be another's here.
        own: It is the address that SSH connects to, so the way of SSH comes first.
    """

    address: str
    jump: str | None = None
    own: bool = True


async def way_to(host: Host, address: str | None) -> Way:
    """Where a host's checks go: the given address, else the one that SSH connects to.

    The OpenSSH client configuration is asked, since the inventory's address may be an alias.
    """
    if host.transport == "local":
        # Without an address of its own a host has its name for one.
        named = host.address if host.address != host.name else "localhost"
        return Way(address or named)
    try:
        found = await asyncio.to_thread(ClientConfig().resolve, host.address, host.user, host.port)
    except InputError:  # SSH will say so
        return Way(address or host.address, host.jump, own=address is None)
    by_config = ",".join(found.proxy_jump) or found.proxy_command or None
    jump = by_config if host.jump is None else host.jump
    return Way(address or found.hostname, None if jump == "none" else jump, own=address is None)


async def place_of(host: Host) -> str:
    """The address or DNS name at which a host is, as SSH connects to it."""
    return host.address if host.transport == "local" else (await way_to(host, None)).address


Answer = tuple[bool | None, str]
"""Whether a check passes (None: that can't be told), and what was seen."""


async def first_answer(
    way: Way, from_here: Callable[[], Awaitable[Answer]], as_ssh: Callable[[], Awaitable[Answer]]
) -> Answer:
    """What a check says from here, or through the jump host, or by whichever way leads there."""
    if way.jump is None:
        return await from_here()
    ways = [as_ssh, from_here] if way.own else [from_here, as_ssh]
    said = {}
    for ask in ways:
        ok, said[ask] = await ask()
        if ok is not None:
            return ok, said[ask]
    return None, (
        f"neither through {way.jump} ({said[as_ssh]}) nor from here ({said[from_here]}); "
        "use a command check"
    )


async def connect(way: Way, port: int, deadline_s: float) -> Answer:
    """Whether a port takes connections from here."""
    try:
        async with asyncio.timeout(deadline_s):
            _, writer = await asyncio.open_connection(way.address, port, happy_eyeballs_delay=0.25)
            writer.close()
    except (OSError, UnicodeError) as error:
        return unconnected(way, port, error, deadline_s)
    return True, f"{way.address} port {port} takes connections"


def unconnected(way: Way, port: int, error: Exception, deadline_s: float) -> Answer:
    """What a connection that did not come about says of the port."""
    where = f"{way.address} port {port}"
    behind = list(_behind(error))
    numbers = {number for e in behind for number in _numbers(e)}
    ok = False if numbers & _SAID_NO else None
    lookup = next((e for e in behind if isinstance(e, socket.gaierror)), None)
    if lookup is not None:
        said = f"the name {way.address} can't be looked up: {lookup.strerror}"
    elif any(isinstance(e, TimeoutError) for e in behind) and not numbers:
        said = f"no answer from {where} within {deadline_s:g} s"
    else:
        reason = ", ".join(os.strerror(n).lower() for n in sorted(numbers)) or str(error)
        said = f"{where}: {clean_line(reason, 200)}"
    if way.jump is not None:
        return None, said  # from here it may be another machine's word
    return ok, said


def _behind(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came from: libraries wrap what the system said."""
    yield error
    for inner in (error.__cause__ or error.__context__, *getattr(error, "exceptions", ())):
        if isinstance(inner, BaseException):
            yield from _behind(inner)


def _numbers(error: BaseException) -> set[int]:
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror):
        return set()
    # For a name with several addresses asyncio joins the errors into the text of one that has no
    # number of its own (base_events.py, create_connection).
    number = error.errno
    return {number} if number else {int(n) for n in re.findall(r"\[Errno (\d+)\]", str(error))}
