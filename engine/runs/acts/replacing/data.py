"""The data: the way from server to server, and the passes over it, each a job of the successor."""

from __future__ import annotations

from functools import partial
from typing import Final

from engine import sync as room
from engine.jobs.mirror import read
from engine.model.json_form import from_json, to_json
from engine.model.plan import JobAct
from engine.model.replacing import CloseAct, OpenAct, SyncAct
from engine.preflight.words import amount
from engine.runs.acts.job import JobInHand
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError, address_of
from engine.runs.observe import Observation
from engine.runs.phases import JobPhase

LOG: Final = 4 * 1024 * 1024
"""Bytes of a pass's log that are read for what it has done."""
_PASSES: Final = "sources"


async def open_way(hand: Hand, act: OpenAct) -> Done:
    """A one-time key of the successor that may only read these volumes of the old host."""
    await hand.begins()
    source = await _opened(hand, act)
    address = await address_of(hand, hand.old)
    problems = await hand.ask(
        partial(
            room.ready,
            hand.driver.transport,
            hand.new,
            hand.run,
            source,
            address,
            act.paths,
            old_port=hand.old.port,
            back=act.back,
        ),
        hand.new,
    )
    hand.must(problems, "The successor must reach the old host by SSH: network, firewall, rsync.")
    seen = await hand.ask(partial(room.look_at_source, hand.driver.transport, hand.old, act.paths))
    words = (f"{hand.new.name} may read the volumes of {hand.old.name} as {source.login}.",)
    return Done(words, {"source": to_json(source), _PASSES: [to_json(v) for v in seen]})


async def _opened(hand: Hand, act: OpenAct) -> room.Source:
    transport = hand.driver.transport
    key = await hand.ask(
        partial(room.make_key, transport, hand.new, hand.run, back=act.back), hand.new
    )
    return await hand.ask(
        partial(
            room.open_source,
            transport,
            hand.old,
            hand.run,
            key,
            await address_of(hand, hand.new),
            act.paths,
            valid_s=act.valid_s,
            back=act.back,
        )
    )


async def renew(hand: Hand) -> None:
    """Have the key live on: a gate may have been open for longer than it is good for."""
    for step in hand.driver.record.plan.steps:
        if isinstance(step.act, OpenAct):
            await _opened(hand, step.act)


async def sync(hand: Hand, act: SyncAct) -> Done | Observation:
    """One pass. Before anything could be deleted the source is compared with what it was."""
    if act.former:
        seconds = [hand.result(step).get("seconds") for step in act.former]
        if not room.worth_another([s for s in seconds if s is not None]):
            return Done(("Not needed: it would take about as long as the last one.",))
    opened = hand.result(act.opened)
    if act.pass_ in ("bulk", "rehearsal"):
        await renew(hand)  # the passes of the outage find it renewed by the freeze
    source = from_json(room.Source, opened["source"])
    before = tuple(from_json(room.SourceVolume, v) for v in _last_seen(hand, act))
    now = await hand.ask(partial(room.look_at_source, hand.driver.transport, hand.old, act.paths))
    hand.must(
        room.source_guard(before, now),
        f"Nothing was copied. Look at the volume on {hand.old.name}; if it is meant to be so, "
        "plan the replacement anew.",
    )
    commands = room.pass_commands(
        hand.run,
        source,
        await address_of(hand, hand.old),
        hand.old.port,
        act.paths,
        kind=act.pass_,
        bandwidth_kib=act.bandwidth_kib,
        checksum=act.checksum,
    )
    if act.sums_below_kib:
        commands += room.sums_commands(
            *(hand.run, source, await address_of(hand, hand.old), hand.old.port, act.paths),
            kind="trial" if act.pass_ == "rehearsal" else "sums",
            below_kib=act.sums_below_kib,
        )
    observed = await _job(hand, JobAct(commands=commands))
    if observed.state not in ("running", "succeeded"):
        return observed
    log = read(hand.driver.logs.path(hand.run, hand.step.id), 0, LOG)
    result = room.read_pass(log)
    words = _words(act, result)
    return Done(
        words,
        {
            "seconds": _seconds(hand),
            "bytes": result.sent_bytes,
            "differences": result.differences,
            "sums_s": result.sums_seconds,
            "words": list(words),
            _PASSES: [to_json(v) for v in now],
        },
    )


def _words(act: SyncAct, result: room.PassResult) -> tuple[str, ...]:
    sent = "an unknown amount" if result.sent_bytes is None else amount(result.sent_bytes)
    match act.pass_:
        case "verify":
            return ("Nothing differs any more.",)
        case "rehearsal":
            left = "unknown" if result.differences is None else str(result.differences)
            return (f"{left} entries differ, {sent} at most",)
        case "bulk" | "final":
            return (f"{sent} copied",)


def _seconds(hand: Hand) -> float | None:
    step = next(s for s in hand.driver.run.steps if s.id == hand.step.id)
    if step.started_at is None:
        return None
    return round((hand.driver.now() - step.started_at).total_seconds(), 1)


def _last_seen(hand: Hand, act: SyncAct) -> list[dict[str, object]]:
    """The source as the last pass saw it, or as the way was opened."""
    seen = hand.result(act.opened)[_PASSES]
    for step in hand.driver.record.plan.steps:
        if step.id == hand.step.id:
            break
        if isinstance(step.act, SyncAct) and _PASSES in hand.result(step.id):
            seen = hand.result(step.id)[_PASSES]
    return list(seen)


async def _job(hand: Hand, act: JobAct) -> Observation:
    """Have the pass carried out by a job of the successor, and followed to its end."""
    phase = JobPhase(hand.step, act, None, None, more=True)
    return await JobInHand(hand.driver, phase, hand.new, closes=False).carry_out()


async def close_way(hand: Hand, act: CloseAct) -> Done:
    """Remove the key, whatever became of the run."""
    if act.opened not in hand.driver.record.begun:
        return Done(("No key was ever made.",))
    if hand.driver.host not in hand.driver.hosts:
        return Done(("The old host is switched off, and the key with it.",))
    gone = await hand.ask(partial(room.close_source, hand.driver.transport, hand.old, hand.run))
    if not gone:
        raise NotDoneError(
            (f"The one-time key on {hand.old.name} could not be removed; it expires by itself.",),
            hint=f"Look for hostshift in the authorized_keys of {hand.old.name}.",
        )
    new = hand.driver.successor
    if new is not None:
        await hand.ask(partial(room.drop_key, hand.driver.transport, new, hand.run), new)
    return Done(("The one-time key is gone.",))
