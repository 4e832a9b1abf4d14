"""Health checks of services: http and tcp over the network, unit and command on the host.

Every attempt has a deadline, and a check fails only when no attempt has passed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence

from engine.clock import Clock
from engine.errors import HostshiftError
from engine.families.protocol import Section
from engine.health import http
from engine.health.exchange import Tries, exchange
from engine.health.health import CheckResult
from engine.health.reach import Answer, Way, connect, first_answer, way_to
from engine.model.host import Check, Host
from engine.model.plan import ServiceCheck
from engine.programs.lines import cleaned_lines, whole_number
from engine.transport.failures import ConnectionRefused
from engine.transport.protocol import Transport

_WORKS = ("active", "reloading", "refreshing")
_WORKS_NOT = ("inactive", "failed", "activating", "deactivating", "maintenance", "unknown")
"""Words of `systemctl is-active` (systemctl(1), --state=help); any other is no answer."""
_AT_DEADLINE = (124, 137)
"""What timeout(1) ends with, and a shell whose command was killed."""


async def run(
    transport: Transport,
    host: Host,
    checks: Sequence[ServiceCheck],
    clock: Clock,
    *,
    address: str | None = None,
    tries: Tries | None = None,
) -> tuple[CheckResult, ...]:
    """Make the checks, all at once; one exchange with the host. Results come in the same order.

    Args:
        address: Where http and tcp go; the host's own address where it isn't given.
    """
    tries = tries or Tries()

    async def on_host() -> Sequence[CheckResult]:
        words = words_on_host(checks)
        if not words:
            return ()
        try:
            seen, _ = await exchange(transport, host, "checks", tries, words)
        except HostshiftError as error:
            return [CheckResult(c.service, c.check, None, error.message) for c in _here(checks)]
        return read_on_host(checks, seen.sections.get("checks"), tries)

    async with asyncio.TaskGroup() as group:
        there = group.create_task(on_host())
        here = group.create_task(by_network(transport, host, checks, clock, address, tries))
    return in_order(checks, (*there.result(), *here.result()))


async def by_network(
    transport: Transport,
    host: Host,
    checks: Sequence[ServiceCheck],
    clock: Clock,
    address: str | None,
    tries: Tries,
) -> tuple[CheckResult, ...]:
    """Make the http and tcp checks."""
    wanted = [c for c in checks if not _is_on_host(c)]
    if not wanted:
        return ()
    way = await way_to(host, address)

    async def once(check: Check) -> Answer:
        return await _once(transport, host, check, way, tries.deadline_s)

    return tuple(await asyncio.gather(*(_tried(c, once, clock, tries) for c in wanted)))


def words_on_host(checks: Sequence[ServiceCheck]) -> tuple[str, ...]:
    """Kind and value of each unit and command check, as health.sh takes them."""
    found: list[str] = []
    for check in (c.check for c in checks if _is_on_host(c)):
        if check.unit is not None:
            found += ("unit", check.unit)
        elif check.command is not None:
            found += ("command", check.command)
    return tuple(found)


def read_on_host(
    checks: Sequence[ServiceCheck], section: Section | None, tries: Tries
) -> tuple[CheckResult, ...]:
    """The results of the unit and command checks, from the script's section."""
    said: dict[int, list[str]] = {}
    for line in cleaned_lines(section.output if section is not None else b""):
        words = line.split(" ", 5)
        number = whole_number(words[1]) if words[0] == "check" and len(words) > 4 else None
        if number is not None:
            said[number] = words[2:]
    wanted = [c for c in checks if _is_on_host(c)]
    return tuple(_judged(c, said.get(number), tries) for number, c in enumerate(wanted))


def in_order(
    checks: Sequence[ServiceCheck], results: Sequence[CheckResult]
) -> tuple[CheckResult, ...]:
    """One result for each check, in the checks' order."""
    by_check = {(r.service, r.check): r for r in results}
    return tuple(by_check[c.service, c.check] for c in checks)


def _judged(wanted: ServiceCheck, said: list[str] | None, tries: Tries) -> CheckResult:
    status = whole_number(said[0]) if said else None
    if not said or status is None:
        return CheckResult(wanted.service, wanted.check, None, "the host gave no answer")
    text = said[3].strip() if len(said) > 3 else ""
    how = f"exit status {status}"
    if status in _AT_DEADLINE:
        how = f"did not end within {tries.deadline_s} s"
    ok: bool | None = status == 0
    detail = f"{how}: {text}" if text else how
    if wanted.check.unit is not None:
        known = text in (*_WORKS, *_WORKS_NOT)
        ok = text in _WORKS if known else None
        detail = text if known else f"systemctl can't say: {detail}"
    return CheckResult(wanted.service, wanted.check, ok, detail, _between(said[1], said[2]))


def _between(start: str, end: str) -> float | None:
    try:
        taken = float(end) - float(start)
    except ValueError:
        return None
    return round(taken, 2) if math.isfinite(taken) and taken >= 0 else None


async def _tried(
    wanted: ServiceCheck,
    once: Callable[[Check], Awaitable[Answer]],
    clock: Clock,
    tries: Tries,
) -> CheckResult:
    started = clock.monotonic()
    left = tries.attempts
    while True:
        ok, detail = await once(wanted.check)
        left -= 1
        if ok or left <= 0:
            taken = round(clock.monotonic() - started, 2)
            return CheckResult(wanted.service, wanted.check, ok, detail, taken)
        await clock.sleep(tries.pause_s)


async def _once(
    transport: Transport, host: Host, check: Check, way: Way, deadline_s: float
) -> Answer:
    port = check.tcp if check.http is None else http.port_of(check)

    async def from_here() -> Answer:
        if check.http is not None:
            return await http.ask(check, way, deadline_s)
        return await connect(way, port or 0, deadline_s)

    async def as_ssh() -> Answer:
        if port is None:
            return await from_here()  # it has no usable URL, and says so
        ok: bool | None = True
        said = f"{way.address} port {port} takes connections"
        try:
            async with transport.tunnel(host, way.address, port, deadline_s=deadline_s) as tunnel:
                if check.http is not None:
                    ok, said = await http.ask(check, way, deadline_s, tunnel)
        except ConnectionRefused as error:
            return False, error.message
        except HostshiftError as error:
            return None, error.message
        return ok, f"{said}, through {way.jump}"

    return await first_answer(way, from_here, as_ssh)


def _here(checks: Sequence[ServiceCheck]) -> list[ServiceCheck]:
    return [c for c in checks if _is_on_host(c)]


def _is_on_host(wanted: ServiceCheck) -> bool:
    return wanted.check.unit is not None or wanted.check.command is not None
