"""What still comes to the old host after the cutover is passed on to the successor.

It is a help for clients that keep an old address, and holds nothing else up: where it can't be had,
that is told, and they wait until what they keep has run out.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from engine import writers
from engine.errors import HostshiftError, UnreachableError
from engine.model.replacing import EndForwardAct, ForwardAct
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError, address_of

TRIES_S: Final = 30.0
"""Seconds for which an old host that doesn't answer is asked."""


async def begin(hand: Hand, act: ForwardAct) -> Done:
    """Pass on, where that can be had."""
    driver, address = hand.driver, await address_of(hand, hand.new)
    await hand.begins()
    until = driver.session.clock.monotonic() + TRIES_S
    while True:
        try:
            seen = await writers.forward(driver.transport, hand.old, hand.run, address, act.ports)
        except UnreachableError as error:
            if driver.session.clock.monotonic() < until:
                await driver.sleep(1.0)
                continue
            return _without(hand, error.message)
        except HostshiftError as error:
            return _without(hand, error.message)
        return _without(hand, *seen.problems, *seen.words) if seen.problems else Done(seen.words)


def _without(hand: Hand, *why: str) -> Done:
    old = hand.old.name
    return Done((f"Not all that comes to {old} is passed on: clients wait for the DNS.", *why))


async def end(hand: Hand, act: EndForwardAct) -> Done:
    """End it, where it was begun and its host is still there."""
    driver = hand.driver
    if act.forward not in driver.record.begun:
        return Done(("Nothing was ever passed on.",))
    if driver.host not in driver.hosts:
        return Done(("The old host is switched off.",))
    problems = await hand.ask(partial(writers.end_forward, driver.transport, hand.old, hand.run))
    if problems:
        raise NotDoneError(
            (f"{hand.old.name} still passes connections on:", *problems),
            hint=f"Look there for units called hostshift-forward-* on {hand.old.name}.",
        )
    return Done(("Nothing is passed on any more.",))
