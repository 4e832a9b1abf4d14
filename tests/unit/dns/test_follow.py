"""How a change spreads: who has turned, who is behind, and until when caches may be stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from engine.clock import FixedClock
from engine.dns import Edit, Problem, Snapshot, change, follow
from engine.dns.values import Records
from tests.unit.builders import NOW
from tests.unit.dns.servers import (
    NEW,
    OLD,
    PRIMARY,
    RESOLVER,
    SECONDARY,
    WWW,
    ZONE,
    Memory,
    MemoryWire,
    a,
)

MOVE = change(ZONE, [Edit(WWW, "A", a(OLD), a(NEW))])
SILENT = Problem("timeout", "no answer", "wait")


class World:
    """Three servers; the secondary and the resolver turn when the clock says so."""

    def __init__(self, *, secondary_after: float, resolver_after: float) -> None:
        self.clock = FixedClock(NOW)
        self.primary = Memory([a(NEW)], serial=2)
        self.secondary = Memory([a(OLD)])
        self.resolver = Memory([a(OLD, ttl=100)], authoritative=False)
        self._turns = [(secondary_after, self.secondary), (resolver_after, self.resolver)]

    async def follow(
        self, *, ttl: int, seconds: float, before: Snapshot | None = None
    ) -> list[Snapshot]:
        wire = MemoryWire(primary=self.primary, secondary=self.secondary, resolver=self.resolver)
        seen = []
        async for one in follow(
            wire,
            self.clock,
            MOVE,
            [PRIMARY, SECONDARY, RESOLVER],
            ttl=ttl,
            deadline=self.clock.now() + timedelta(seconds=seconds),
            before=before,
        ):
            seen.append(one)
            for after, memory in self._turns:
                if self.clock.now() >= NOW + timedelta(seconds=after):
                    memory.records = [a(NEW, ttl=300 if memory.authoritative else 250)]
                    memory.serial = 2
        return seen


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def test_until_the_old_ttl_has_passed_since_the_last_server_turned() -> None:
    world = World(secondary_after=10, resolver_after=60)
    seen = await world.follow(ttl=100, seconds=1000)
    first, last = seen[0], seen[-1]
    assert [s.server for s in first.behind] == [SECONDARY]
    assert [s.server for s in first.stale] == [RESOLVER]
    assert (first.until, first.done) == (None, False)
    (behind,) = first.behind
    assert behind.problem is not None
    assert behind.problem.kind == "lags"
    # It turned between the looks at 10 and 11 seconds.
    assert last.until == after(112)
    assert (last.at, last.done, last.behind, last.stale) == (after(112), True, (), ())
    assert not any(one.done for one in seen[:-1])


async def test_at_the_deadline_who_is_behind_is_named() -> None:
    world = World(secondary_after=10**6, resolver_after=10)
    seen = await world.follow(ttl=5, seconds=20)
    last = seen[-1]
    assert (last.at, last.done, last.until) == (after(20), False, None)
    assert [s.server for s in last.behind] == [SECONDARY]


async def test_a_clock_that_is_set_back_lengthens_nothing() -> None:
    world = World(secondary_after=10**6, resolver_after=10**6)
    wire = MemoryWire(primary=world.primary, secondary=world.secondary, resolver=world.resolver)
    looks = 0
    async for _ in follow(wire, world.clock, MOVE, [PRIMARY, SECONDARY], ttl=5, deadline=after(20)):
        looks += 1
        world.clock._now = NOW
    assert looks == 21


async def test_what_was_seen_turned_stays_seen_for_the_next_who_follows() -> None:
    world = World(secondary_after=0, resolver_after=0)
    seen = await world.follow(ttl=100, seconds=10)
    assert not seen[-1].done
    world.clock.advance(200)
    (only,) = await world.follow(ttl=100, seconds=10, before=seen[-1])
    assert only.done


async def test_a_server_that_turns_back_or_falls_silent_holds_it_up() -> None:
    world = World(secondary_after=0, resolver_after=0)
    before = (await world.follow(ttl=100, seconds=3))[-1]
    assert before.until == after(102)
    world._turns = []
    world.secondary.records = [a(OLD)]
    turned_back = (await world.follow(ttl=100, seconds=0, before=before))[-1]
    assert turned_back.until is None
    (behind,) = turned_back.behind
    assert behind.problem is not None
    assert (behind.problem.kind, behind.since) == ("differs", None)
    world.secondary.problem = SILENT
    silent = (await world.follow(ttl=100, seconds=0, before=before))[-1]
    (gone,) = silent.behind
    assert (gone.turned, gone.problem) == (None, SILENT)
    assert silent.until == after(102), "it was seen turned; an answer that is missing says nothing"


async def test_a_watched_server_that_holds_the_zone_is_no_cache() -> None:
    world = World(secondary_after=0, resolver_after=10**6)
    world.resolver.authoritative = True
    last = (await world.follow(ttl=0, seconds=2))[-1]
    assert [s.server for s in last.behind] == [RESOLVER]
    assert not last.done


async def test_a_resolver_with_more_ttl_than_the_lowered_one_is_stale() -> None:
    lowered = change(ZONE, [Edit(WWW, "A", a(OLD, ttl=300), a(OLD, ttl=10))])
    own = Memory([a(OLD, ttl=10)])
    cache = Memory([a(OLD, ttl=290)], authoritative=False)
    wire = MemoryWire(primary=own, resolver=cache)

    async def look() -> Snapshot:
        clock = FixedClock(NOW)
        return [
            one
            async for one in follow(wire, clock, lowered, [PRIMARY, RESOLVER], ttl=0, deadline=NOW)
        ][-1]

    assert [s.server for s in (await look()).stale] == [RESOLVER]
    cache.records = [replace(cache.records[0], ttl=9)]
    assert (await look()).stale == ()


async def test_a_record_that_goes() -> None:
    six = Records(WWW, "AAAA", 300, ("2001:db8::1",))
    gone = change(ZONE, [Edit(WWW, "AAAA", six, None)])
    memory = Memory([six])
    wire = MemoryWire(primary=memory)

    async def behind() -> int:
        looks = follow(wire, FixedClock(NOW), gone, [PRIMARY], ttl=0, deadline=NOW)
        return len([one async for one in looks][-1].behind)

    assert await behind() == 1
    memory.records = []
    assert await behind() == 0
