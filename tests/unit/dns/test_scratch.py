"""The scratch proof: what it leaves, and what it does about what is there."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from engine.clock import FixedClock, rfc3339
from engine.dns import Problem, Proof, Records, prove
from engine.dns.values import Key, Sent, Server, Update
from engine.inventory.value import Zone
from tests.unit.builders import NOW
from tests.unit.dns.servers import PRIMARY, ZONE, Memory, MemoryWire

NAME = f"_hostshift-scratch.{ZONE}"
REFUSED = Problem("refused", "no", "allow it")
LOST = Problem("lost", "no answer", "look again")


def scratch(text: str) -> Records:
    return Records(NAME, "TXT", 1, (f'"{text}"',))


async def proved(memory: Memory, wire: MemoryWire | None = None) -> Proof:
    zone = Zone(ZONE, PRIMARY.address)
    return await prove(wire or MemoryWire(primary=memory), FixedClock(NOW), zone, None)


async def test_it_adds_reads_and_removes() -> None:
    memory = Memory()
    wire = MemoryWire(primary=memory)
    proof = await proved(memory, wire)
    assert (proof.ok, proof.left, proof.problem) == (True, False, None)
    assert [len(update.add) for update in wire.sent] == [1, 0]
    assert memory.records == []


async def test_refused_it_has_left_nothing() -> None:
    memory = Memory(sent=Sent(True, "REFUSED", REFUSED))
    proof = await proved(memory)
    assert (proof.ok, proof.left, proof.problem) == (False, False, REFUSED)


async def test_an_answer_that_was_lost_is_found_again() -> None:
    memory = Memory(sent=Sent(None, "made", LOST))
    proof = await proved(memory)
    assert (proof.ok, proof.left) == (True, False)
    assert memory.records == []


async def test_what_was_left_behind_is_removed_first() -> None:
    old = rfc3339(NOW - timedelta(minutes=11))
    memory = Memory([scratch(f"hostshift scratch {old} 00ff00ff")])
    proof = await proved(memory)
    assert proof.ok
    assert "an earlier proof" in proof.steps[0]
    assert memory.records == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"hostshift scratch {rfc3339(NOW - timedelta(minutes=9))} 00ff00ff", "busy"),
        ("somebody's own", "not-ours"),
        ("hostshift scratch", "not-ours"),
    ],
)
async def test_what_is_not_ours_to_remove_stays(text: str, kind: str) -> None:
    memory = Memory([scratch(text)])
    wire = MemoryWire(primary=memory)
    proof = await proved(memory, wire)
    assert (proof.ok, proof.left, proof.problem and proof.problem.kind) == (False, True, kind)
    assert wire.sent == []
    assert memory.records == [scratch(text)]


async def test_cancelled_it_still_takes_its_record_out() -> None:
    memory = Memory()
    added = asyncio.Event()

    class Slow(MemoryWire):
        async def update(self, server: Server, update: Update, key: Key | None) -> Sent:
            sent = await super().update(server, update, key)
            added.set()
            await asyncio.sleep(0.05)
            return sent

    task = asyncio.create_task(proved(memory, Slow(primary=memory)))
    await added.wait()
    assert memory.records
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert memory.records == []


async def test_without_a_server_that_takes_updates() -> None:
    zone = Zone(ZONE, command="./change.sh")
    proof = await prove(MemoryWire(), FixedClock(NOW), zone, None)
    assert (proof.ok, proof.problem and proof.problem.kind) == (False, "no-primary")
