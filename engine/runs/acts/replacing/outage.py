"""The outage of a cutover, measured beside it: from before the freeze until the DNS has spread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from engine import dns, outage
from engine.errors import HostshiftError
from engine.health.reach import way_to
from engine.inventory.resolve import zone_of
from engine.model.host import Check
from engine.model.plan import Step
from engine.model.replacing import FreezeAct, RecordsAct, SoakAct, SpreadAct
from engine.runs.acts.replacing.hand import Hand
from engine.runs.records import Logs, Record

if TYPE_CHECKING:
    from engine.runs.drive import Driver

METER: Final = "outage meter"
FIRST_S: Final = 2.5
"""Seconds that are measured before anything is frozen."""


def kept(logs: Logs, run: str) -> Path:
    """Where the samples of a run are."""
    return logs.directory(run) / "outage.jsonl"


def freeze_step(record: Record) -> Step | None:
    """The step with which the outage begins."""
    return next((s for s in record.plan.steps if isinstance(s.act, FreezeAct)), None)


def soak_act(record: Record) -> SoakAct | None:
    """The soak, which holds each service's checks and names."""
    return next((s.act for s in record.plan.steps if isinstance(s.act, SoakAct)), None)


def _goes_on(driver: Driver) -> bool:
    frozen = freeze_step(driver.record)
    if frozen is None or frozen.id not in driver.record.begun:
        return False
    states = {step.id: step for step in driver.run.steps}
    last = [s for s in driver.record.plan.steps if isinstance(s.act, SpreadAct)]
    return not all(states[step.id].ended_at for step in last) if last else True


async def watch(hand: Hand) -> None:
    """Have the meter run while there is a cutover to measure; harmless to call again."""
    driver, new = hand.driver, hand.driver.successor
    wanted = isinstance(hand.step.act, FreezeAct) or _goes_on(driver)
    task = driver.beside.get(METER)
    if not wanted or new is None or (task is not None and not task.done()):
        return
    targets = tuple(_targets(driver.record))
    if not targets:
        return
    meter = outage.Meter(
        driver.session.clock,
        targets,
        old_address=(await way_to(driver.host, None)).address,
        new_address=new.address,
        resolve=_Resolver(driver),
        keep=kept(driver.logs, driver.run.id),
    )
    driver.beside[METER] = asyncio.create_task(meter.run(), name=f"outage {driver.run.id}")
    if isinstance(hand.step.act, FreezeAct):
        await asyncio.sleep(FIRST_S)


async def stop(driver: Driver) -> None:
    """End the meter."""
    task = driver.beside.pop(METER, None)
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _targets(record: Record) -> Iterator[outage.Target]:
    """The checks that can be made from outside, with the names of their services."""
    soak = soak_act(record)
    for wanted in soak.checks if soak is not None else ():
        check: Check = wanted.check
        if check.http is not None or check.tcp is not None:
            names = dict(soak.names).get(wanted.service, ()) if soak is not None else ()
            yield outage.Target(wanted.service, check, names)


class _Resolver:
    """The address that a zone's primary gives for a name now: no cache stands between."""

    def __init__(self, driver: Driver) -> None:
        self._zones = {zone.name: zone for zone in driver.session.inventory.zones}
        self._wire = dns.open_wire(read_only=True)
        self._servers: dict[str, dns.Server] = {}

    async def __call__(self, name: str) -> str | None:
        found = zone_of(name, self._zones)
        if found is None:
            return await self._by_this_machine(name)
        if found not in self._servers:
            servers, _ = await dns.servers_of(self._wire, self._zones[found])
            if not servers:
                return None
            self._servers[found] = servers[0]
        kinds: tuple[Literal["A", "AAAA"], ...] = ("A", "AAAA")
        for kind in kinds:
            reply = await self._wire.ask(self._servers[found], name, kind)
            for records in reply.answer:
                if records.type == kind:
                    return records.values[0]
        return None

    async def _by_this_machine(self, name: str) -> str | None:
        addresses = await self._wire.addresses(name)
        return None if isinstance(addresses, dns.Problem) else addresses[0]


def words(driver: Driver, promised: int | None) -> tuple[str, ...]:
    """What was measured, service by service, against what was promised."""
    frozen = freeze_step(driver.record)
    since = driver.record.begun.get(frozen.id) if frozen is not None else None
    if since is None:
        return ()
    try:
        found = outage.measured(outage.read(kept(driver.logs, driver.run.id)), since=since)
    except (OSError, HostshiftError):
        return ("The outage was not measured here.",)
    window = "" if promised is None else f" (expected: {promised} s)"
    said = [
        f"{one.service} was out for {one.longest_s:.0f} s{window}"
        if one.began is not None
        else f"{one.service} was never seen out"
        for one in found
    ]
    return tuple(said) or ("No service could be measured from outside.",)


def switch_steps(record: Record) -> tuple[Step, ...]:
    """The steps that lead the services' names to the successor."""
    return tuple(
        s for s in record.plan.steps if isinstance(s.act, RecordsAct) and s.act.purpose == "switch"
    )
