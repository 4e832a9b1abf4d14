"""The successor as a server: reached with the keys it should have, compared, checked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final

from engine import health, writers
from engine.candidates.replace import moving
from engine.errors import HostshiftError, RefusedError
from engine.jobs import lock
from engine.model.host import Host
from engine.model.json_form import from_json, to_json
from engine.model.replacing import PREFLIGHT, PROVISION, ChecksAct, FormerAct, ReachAct
from engine.preflight import Preflight, preflight
from engine.preflight.successor import differences
from engine.runs.acts import gate
from engine.runs.acts.replacing import removal
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError, address_of
from engine.runs.observe import Observation
from engine.shell import Script
from engine.sync import account_conflicts
from engine.text import clean_line, decode
from engine.transport.client_config import ClientConfig
from engine.transport.failures import UnknownHostKey
from engine.transport.known_hosts import accept_host_keys, pin, place

TRY_AGAIN_S: Final = 3.0
SETTLE_S: Final = 30
"""Seconds that one look for cloud-init may take; it is asked again until the deadline."""


def former(act: FormerAct) -> Done:
    """The server that was replaced is where the inventory says."""
    words = f"{act.name} is there still, at {act.address}; its services are held."
    return Done((words,), {"address": act.address})


async def reach(hand: Hand, act: ReachAct) -> Done | Observation:
    """From "provision has ended" to a host that is locked for this run and fit for the data."""
    await hand.begins(f"{hand.step.id}.since")
    if await address_of(hand, hand.new) == await address_of(hand, hand.old):
        raise NotDoneError(
            (f"{hand.new.name} is where {hand.old.name} is: {hand.new.address}.",),
            hint="The provision script must build another server, and print that one's address.",
        )
    if not act.former:
        await removal.noted(hand)
    keys = tuple(str(key) for key in hand.result(PROVISION).get("host_keys", ()))
    if keys:
        await _pin(hand.new, keys)
    until = hand.driver.session.clock.monotonic() + act.deadline_s
    while True:
        try:
            settled = await _settled(hand)
        except UnknownHostKey as error:
            asked = await _ask_for_key(hand, error)
            if asked is not None:
                return asked
            continue
        except RefusedError as error:
            raise NotDoneError((error.message,), hint=error.hint) from error
        except HostshiftError as error:
            settled = f"{error.message}"
            hint = error.hint
        else:
            hint = "Look at its console, and at cloud-init's log there."
        if settled is None:
            break
        hand.says(f"Waits for {hand.new.name}: {settled}")
        if hand.driver.session.clock.monotonic() >= until:
            raise NotDoneError(
                (f"{hand.new.name} was not ready within {act.deadline_s} s: {settled}",), hint=hint
            )
        await hand.driver.transport.forget(hand.new.name)
        await hand.driver.sleep(TRY_AGAIN_S)
        await hand.driver.beat(hand.step.id)
    if not act.former:
        await removal.claimed(hand)
    await _lock(hand)
    if not act.former:
        # An earlier try was held here when it ended; what is deployed now must be able to start.
        problems = await hand.ask(
            partial(writers.let_go, hand.driver.transport, hand.new, hand.run), hand.new
        )
        hand.must(problems, f"Look at the units on {hand.new.name}.")
    return await _compared(hand, act)


async def _pin(new: Host, keys: tuple[str, ...]) -> None:
    endpoint = await asyncio.to_thread(ClientConfig().resolve, new.address, new.user, new.port)
    name, port, file = place(endpoint, new.known_hosts)
    try:
        await asyncio.to_thread(pin, file, tuple(dict.fromkeys((name, new.name))), port, keys)
    except RefusedError as error:
        raise NotDoneError((error.message,), hint=error.hint) from error


async def _ask_for_key(hand: Hand, error: UnknownHostKey) -> Observation | None:
    """`provision` has printed no key: a person compares it. None: it was accepted."""
    offer = error.offer
    question = f"Is {offer.algorithm} {offer.fingerprint} the key of {offer.host}?"
    waits = (
        "The provision script printed no host key; compare this one with its console.",
        f"To go on adds it to {offer.file}.",
    )
    answered = await gate.ask(hand.driver, hand.step, question, waits, hand.more, closes=False)
    if answered.state != "running":
        return answered
    accept_host_keys([offer])
    return None


async def _settled(hand: Hand) -> str | None:
    """Why the successor isn't ready yet; None: it is."""
    done = await hand.driver.transport.run(
        hand.new, Script.host("settled.sh"), as_root="required", deadline_s=SETTLE_S
    )
    said = clean_line(decode(done.stdout).strip(), 200)
    return None if done.exit_status == 0 else said or "it gave no answer"


async def _lock(hand: Hand) -> None:
    """Take the successor's lock: from here on it is this run's as the old host is."""
    record = hand.driver.record
    fields = hand.driver.fields() | {"host": hand.new.name}
    retention = hand.driver.session.inventory.retention_runs_s
    await hand.ask(
        partial(lock.take, hand.driver.transport, hand.new, record.run.id, fields, retention),
        hand.new,
    )
    await hand.begins()


async def _compared(hand: Hand, act: ReachAct) -> Done:
    before = from_json(Preflight, hand.result(PREFLIGHT)["found"])
    # Looked at for the same services, though the inventory doesn't know it yet.
    new = replace(hand.new, services=moving(hand.old).services)
    now = await hand.ask(
        partial(preflight, hand.driver.transport, new, hand.driver.session.clock), new
    )
    stops, tells = differences(before, now, hand.old, act.volumes)
    if before.accounts is not None and now.accounts is not None:
        owners = [o for v in before.volumes if v.path in act.volumes for o in v.owners]
        tells += account_conflicts(before.accounts, now.accounts, owners)
    hand.must(stops, "Mend what is named on the successor or in the inventory, then plan again.")
    words = (f"{hand.new.name} ({hand.new.address}) is up, and locked for this run.", *tells)
    result = {"dns_name": act.dns_name, "found": to_json(now)}
    return Done(words, result)


async def checks(hand: Hand, act: ChecksAct) -> Done:
    """Make the checks until they pass, within their patience."""
    clock = hand.driver.session.clock
    until = clock.monotonic() + act.patience_s
    while True:
        results = await health.run(
            hand.driver.transport,
            hand.new,
            act.checks,
            clock,
            address=hand.new.address,
            tries=health.Tries(deadline_s=5, attempts=1, pause_s=0),
        )
        bad = tuple(f"{r.shown}: {r.detail}" for r in results if not r.ok)
        if not bad:
            return Done(tuple(f"{r.shown}: {r.detail}" for r in results) or ("There is no check.",))
        hand.says(*bad)
        if clock.monotonic() >= until:
            raise NotDoneError(
                (f"Not well on {hand.new.name} after {act.patience_s} s:", *bad),
                hint=f"Look at it there: its logs, its configuration, its {hand.new.address}.",
            )
        if hand.driver.stop_asked is not None:
            raise NotDoneError(
                (hand.driver.stop_asked,),
                hint="Plan it again when the services should be checked to the end.",
                state="cancelled",
            )
        await hand.driver.sleep(2.0)
        await hand.driver.beat(hand.step.id)
