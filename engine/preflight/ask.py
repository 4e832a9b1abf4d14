"""One exchange with preflight.sh: what a replacement has to know of a host. Changes nothing."""

from __future__ import annotations

import re
from typing import Final

from engine.clock import Clock
from engine.errors import HostOutputError
from engine.facts.sections import new_nonce, take_apart
from engine.model.host import Host
from engine.preflight.answers import read, units_of, volumes_of
from engine.preflight.values import Preflight
from engine.shell import Script
from engine.text import clean
from engine.transport.protocol import Transport

BUDGET_S: Final = 60
"""Seconds within which all volumes are counted and searched on the host, together."""
PARTS: Final = ("frames.sh", "running.sh", "volumes.sh")
"""What stands before preflight.sh."""
_LIMIT_BYTES: Final = 8 * 1024 * 1024
_OWN_NAME: Final = re.compile(r"[A-Za-z0-9._:-]*[0-9.:][A-Za-z0-9._:-]*")
"""What can be looked for among configuration: a bare word without a number could be any word."""


async def preflight(
    transport: Transport, host: Host, clock: Clock, *, budget_s: int = BUDGET_S
) -> Preflight:
    """Look at a host for its replacement, as root where that is possible.

    Raises:
        HostOutputError: what came is not what the script prints.
        UnreachableError, DeadlineError, NeedsPersonError: see `Transport.run`.
    """
    nonce = new_nonce()
    words: list[str] = []
    for _, unit in units_of(host):
        words += ["unit", unit]
    for name in dict.fromkeys((host.name, host.address)):
        if _OWN_NAME.fullmatch(name):
            words += ["name", name]
    for _, volume in volumes_of(host):
        words += ["volume", volume]
    done = await transport.run(
        host,
        Script.host("preflight.sh", nonce, str(budget_s), *words, after=PARTS),
        as_root="if-possible",
        deadline_s=host.deadlines.full_probe_s + budget_s,
        limit_bytes=_LIMIT_BYTES,
    )
    output = take_apart(done.stdout, nonce)
    if "host" not in output.sections:
        said = clean(done.stderr[-500:]).strip() or "it said nothing about why"
        raise HostOutputError(
            f"{host.name} did not tell what a replacement has to know of it: {said}",
            hint="Look at the host's load and memory; see that the login shell prints nothing.",
        )
    return read(
        host,
        output.sections,
        clock.now(),
        privileged=done.as_root,
        not_root=None if done.not_root_because is None else done.not_root_because.message,
    )
