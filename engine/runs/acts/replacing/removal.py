"""Removing a successor before the cutover: what the old host knows of it, proof, forgetting."""

from __future__ import annotations

import shlex
from functools import partial
from typing import Final

from engine.errors import HostOutputError
from engine.model.host import Host
from engine.model.replacing import ForgetAct, UnusedAct
from engine.runs.acts.replacing import ending, names
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError, address_of
from engine.shell import Script
from engine.text import clean, clean_line, decode

SHORT_S: Final = 30


async def noted(hand: Hand) -> None:
    """Have the old host remember which successor is being built for it."""
    await _ask(hand, "note", hand.new.name, hand.new.address)


async def claimed(hand: Hand) -> None:
    """Have the successor remember whose it is; one that was built for another host stays that's.

    Two hosts may be given one name, where neither inventory nor DNS knows it yet. The old host
    forgets a server that isn't its own, which it could be told to remove otherwise.
    """
    words = ("of", hand.old.name, hand.new.name)
    whose = await hand.ask(partial(_call, hand, hand.new, words), hand.new)
    if whose != (hand.old.name,):
        await _ask(hand, "forget", hand.new.name)
        other = clean_line(" ".join(whose), 80) or "another host"
        raise NotDoneError(
            (f"{hand.new.name} was built for {other}, not for {hand.old.name}.",),
            hint=f"Replace {other} first, or remove it: hostshift plan {shlex.quote(other)} "
            f"decommission:{hand.new.name}. Where that is no longer so, remove "
            f"/var/lib/hostshift/successor-of on {hand.new.name}.",
        )


async def moved(hand: Hand) -> None:
    """The right to write is the successor's: from here on it is no more than any server."""
    await _ask(hand, "moved", hand.new.name)


async def unused(hand: Hand, act: UnusedAct) -> Done:
    """That nothing would be lost with it, as far as the old host and the name servers say."""
    given = await _ask(hand, "given", *act.services)
    hand.must(
        tuple(f"{hand.old.name} has given the right to write of {one} away." for one in given),
        f"{act.name} has it, and what it has accepted: go back to {hand.old.name} first.",
    )
    address = await address_of(hand, hand.new)
    if address == await address_of(hand, hand.old):
        raise NotDoneError(
            (f"{act.name} is where {hand.old.name} is: {act.address}.",),
            hint=f"Look at /var/lib/hostshift/successor on {hand.old.name}.",
        )
    leading = await names.leading(hand, act.names, address)
    hand.must(
        tuple(f"{name} leads to {address}." for name in leading),
        f"Lead the names elsewhere before {act.name} goes.",
    )
    return Done((f"{act.name} has no right to write, and no name leads to it.",))


async def forget(hand: Hand, act: ForgetAct) -> Done:
    """Its keys leave known_hosts, and the old host's note of it goes last."""
    words = await ending.forget_keys(hand, hand.new)
    await _ask(hand, "forget", act.name)
    return Done((words,))


async def _ask(hand: Hand, *words: str) -> tuple[str, ...]:
    return await hand.ask(partial(_call, hand, hand.old, words))


async def _call(hand: Hand, host: Host, words: tuple[str, ...]) -> tuple[str, ...]:
    done = await hand.driver.transport.run(
        host, Script.host("successor.sh", *words), as_root="required", deadline_s=SHORT_S
    )
    if done.exit_status != 0:
        raise HostOutputError(
            f"{host.name} can't {words[0]} what it knows of the successor.",
            hint=clean_line(decode(done.stderr).strip(), 200)
            or "Look at /var/lib/hostshift there.",
        )
    return tuple(clean(done.stdout).splitlines())
