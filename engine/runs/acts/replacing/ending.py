"""After the cutover: the inventory follows, the soak, and the end of the old host on evidence."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Final

from engine import health
from engine.clock import rfc3339
from engine.errors import HostOutputError, HostshiftError, UnreachableError
from engine.inventory import rewriting
from engine.jobs import lock
from engine.model.host import Host
from engine.model.replacing import (
    REFERENCES,
    EndGateAct,
    InventoryAct,
    PowerOffAct,
    RecordsAct,
    SoakAct,
)
from engine.runs.acts import gate
from engine.runs.acts.replacing import names
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError, address_of
from engine.runs.observe import Observation
from engine.shell import Script
from engine.text import clean, clean_line, decode
from engine.transport.client_config import ClientConfig
from engine.transport.known_hosts import forget, place

LOOK_S: Final = 30
OFF_S: Final = 300
"""Seconds that a host gets to switch off."""
_SHOWN: Final = 8


async def inventory(hand: Hand, act: InventoryAct) -> Done:
    """Rewrite the inventory; nobody commits it but the team."""
    try:
        lines = await asyncio.to_thread(_rewrite, hand, act)
    except HostshiftError as error:
        raise NotDoneError((error.message,), hint=error.hint) from error
    name = hand.driver.session.inventory.path.name
    rewritten = f"{name} was rewritten: commit it. Open screens read it again by I on the fleet."
    words = [rewritten if lines else f"{name} says so already."]
    if act.change == "retire":
        words.append(await forget_keys(hand, hand.old))
    return Done((*words, *lines))


def _rewrite(hand: Hand, act: InventoryAct) -> tuple[str, ...]:
    """What was changed, as lines of a difference; empty where it was done before."""
    path = hand.driver.session.inventory.path
    before = rewriting.read(path)
    if act.change == "succeed":
        address = act.address or hand.new.address
        after = rewriting.succeed(before, act.old, act.new, address=address, moved=act.services)
    else:
        after = rewriting.retire(before, act.old)
    lines = rewriting.difference(before, after, path.name)
    if lines:
        rewriting.write(path, before, after)
    return lines


async def forget_keys(hand: Hand, old: Host) -> str:
    """A host's keys leave known_hosts: its address may be another's tomorrow."""
    endpoint = await asyncio.to_thread(ClientConfig().resolve, old.address, old.user, old.port)
    name, port, file = place(endpoint, old.known_hosts)
    names = tuple(dict.fromkeys((name, old.name, old.address)))
    gone = await asyncio.to_thread(forget, file, names, port)
    what = "1 key" if gone == 1 else f"{gone} keys"
    return f"Removed from {file}: {what} of {old.name}."


async def soak(hand: Hand, act: SoakAct) -> Done | Observation:
    """Wait, look again and again; the run keeps its claim meanwhile."""
    driver = hand.driver
    since = await hand.begins(f"{hand.step.id}.since")
    until = since + timedelta(seconds=act.seconds)
    seen = _Seen(hand, act)
    task = asyncio.create_task(seen.look(), name=f"soak {hand.run}")
    try:
        observed = await gate.ask(
            driver,
            hand.step,
            "End the soak before its time?",
            (f"Soaks until {rfc3339(until)}.", "Opens by itself then."),
            hand.more,
            opens=lambda: (
                f"The soak has ended, {rfc3339(until)}."
                if driver.now() >= until and seen.looks
                else None
            ),
            closes=False,
            by_itself=True,
        )
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if observed.state != "running":
        return observed
    result = {"looks": seen.looks, "failed": seen.failed, "came": seen.came}
    return Done((*observed.reason, *seen.words()), result)


class _Seen:
    """What the looks of a soak have seen."""

    def __init__(self, hand: Hand, act: SoakAct) -> None:
        self._hand = hand
        self._act = act
        self.looks = 0
        self.failed: list[str] = []
        self.came: list[str] = []

    async def look(self) -> None:
        while True:
            await self._once()
            self.looks += 1
            await asyncio.sleep(min(self._act.every_s, max(1, self._act.seconds / 5)))

    async def _once(self) -> None:
        hand = self._hand
        at = rfc3339(hand.driver.now())
        results = await health.run(
            hand.driver.transport, hand.new, self._act.checks, hand.driver.session.clock,
            address=hand.new.address,
        )  # fmt: skip
        self.failed += [f"{at} {r.shown}: {r.detail}" for r in results if r.ok is False]
        try:
            self.came += [f"{at} {line}" for line in await visitors(hand, self._act.ports)]
        except HostshiftError as error:
            self.failed.append(f"{at} {hand.old.name} can't be asked: {error.message}")

    def words(self) -> tuple[str, ...]:
        found = [f"Looked {self.looks} times; {len(self.failed)} checks failed."]
        found += self.failed[-_SHOWN:]
        if self.came:
            found.append(f"Still came to {self._hand.old.name}:")
            found += self.came[-_SHOWN:]
        else:
            found.append(f"Nobody came to {self._hand.old.name} any more.")
        return tuple(found)


async def visitors(hand: Hand, ports: tuple[int, ...]) -> tuple[str, ...]:
    """Who has a connection to the old host's service ports now.

    Raises:
        HostshiftError: it can't be asked.
    """
    if not ports:
        return ()
    script = Script.host("visitors.sh", *(str(port) for port in ports))
    done = await hand.driver.transport.run(hand.old, script, deadline_s=LOOK_S)
    if done.exit_status != 0:
        raise HostOutputError(
            f"{hand.old.name} does not say who has connections to it.",
            hint=f"Look there with ss -tn: {clean_line(decode(done.stderr).strip(), 200)}",
        )
    return tuple(clean(done.stdout).splitlines())[:_SHOWN]


async def end_gate(hand: Hand, act: EndGateAct) -> Observation:
    """Ask with the evidence; what still refers to the old host is named."""
    soaked = hand.result(act.soak)
    speaks_against: list[str] = []
    try:
        speaks_against += await hand.ask(partial(visitors, hand, act.ports))
    except NotDoneError as error:
        speaks_against += error.words
    came = list(soaked.get("came", ()))
    named = hand.result(REFERENCES).get(REFERENCES)
    unseen = "licences, SPF" if named is not None else "monitoring, backups, licences, SPF"
    evidence = [
        f"Connections to {hand.old.name} now: {'; '.join(speaks_against) or 'none'}.",
        f"During the soak: {'; '.join(came[-_SHOWN:]) or 'none'}.",
        f"Checks that failed during the soak: {len(soaked.get('failed', ()))}.",
        *await _still_leading(hand),
        *_referring(hand, named),
        f"Not seen from here: {unseen}. Look at them yourself.",
        "To go on switches it off, removes its records and runs the decommission script.",
    ]
    return await gate.ask(hand.driver, hand.step, act.question, tuple(evidence), hand.more)


async def _still_leading(hand: Hand) -> tuple[str, ...]:
    """Names of the services that lead to the old host, as the primaries say it now."""
    wanted = [
        (step.act.zone, step.act.names)
        for step in hand.driver.record.plan.steps
        if isinstance(step.act, RecordsAct) and step.act.purpose == "switch"
    ]
    try:
        address = await address_of(hand, hand.old)
        leading = await names.leading(hand, wanted, address)
    except NotDoneError as error:
        return error.words
    said = f"{', '.join(leading)} still" if leading else "none of its services' names"
    return (f"Leads to {hand.old.name} by the DNS: {said}.",) if wanted else ()


def _referring(hand: Hand, named: list[str] | None) -> tuple[str, ...]:
    """What names the old host: other hosts of the inventory, and what your script has found."""
    old = hand.old.name
    others = [h.name for h in hand.driver.session.inventory.hosts if old in h.after]
    lines = [f"The inventory: {', '.join(others)} follow it (after)."] if others else []
    if named is not None:
        found = "; ".join(named[:_SHOWN]) or "nothing"
        more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        lines.append(f"Your references script finds: {found}{more}.")
    return tuple(lines)


async def power_off(hand: Hand, act: PowerOffAct) -> Done:
    """Switch the old host off. From here on its lock is gone with it."""
    driver, asked = hand.driver, f"{hand.step.id}.asked"
    again = asked in driver.record.begun
    await hand.begins(asked)
    script = Script.host("poweroff.sh")
    if hand.step.id not in driver.record.begun:
        send = partial(
            driver.transport.run, hand.old, script, as_root="required", deadline_s=LOOK_S
        )
        try:
            await (send() if again else hand.ask(send))
        except UnreachableError:
            hand.says("It was told before, and answers no more.")
        await hand.begins()
    until = driver.session.clock.monotonic() + OFF_S
    while driver.session.clock.monotonic() < until:
        await driver.transport.forget(hand.old.name)
        try:
            await lock.evidence(driver.transport, hand.old, hand.run)
        except UnreachableError:
            return Done((f"{hand.old.name} answers no more.",))
        except HostshiftError as error:
            hand.says(f"{hand.old.name} still answers: {error.message}")
        else:
            hand.says(f"Waits for {hand.old.name} to switch off.")
        await driver.sleep(2.0)
    raise NotDoneError(
        (f"{hand.old.name} still answers after five minutes.",),
        hint="Switch it off by its console or provider, then go on.",
        state="attention",
    )
