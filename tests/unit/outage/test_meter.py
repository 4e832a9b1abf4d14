"""The meter against servers that go away and come back, on a clock that is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.clock import FixedClock
from engine.errors import InputError, UnreachableError
from engine.model.host import Check
from engine.outage import Meter, Sample, Target, measured, read
from tests.unit.builders import NOW
from tests.unit.health.web import Web, serving

OLD, NEW = "127.0.0.1", "127.0.0.2"
Resolve = Callable[[str], Awaitable[str | None]]


async def at_old(_: str) -> str | None:
    return OLD


def make(
    tmp_path: Path,
    *targets: Target,
    resolve: Resolve = at_old,
    clock: FixedClock | None = None,
) -> Meter:
    return Meter(
        clock or FixedClock(NOW),
        targets,
        old_address=OLD,
        new_address=NEW,
        resolve=resolve,
        keep=tmp_path / "samples",
    )


def http(port: int, service: str = "wiki", *names: str) -> Target:
    check = Check(http=f"http://wiki.test:{port}/health")
    return Target(service, check, names or ("wiki.test",))


@asynccontextmanager
async def web_at(address: str, port: int, web: Web) -> AsyncIterator[None]:
    async with await asyncio.start_server(web.answer, address, port):
        yield


def oks(samples: tuple[Sample, ...]) -> dict[str, bool | None]:
    return {sample.side: sample.ok for sample in samples}


async def test_a_cutover_is_seen_at_both_servers_and_by_the_name(tmp_path: Path) -> None:
    points_to = OLD

    async def resolve(name: str) -> str | None:
        assert name == "wiki.test"
        return points_to

    samples: list[Sample] = []
    async with serving() as old:
        port = old.port
        meter = make(tmp_path, http(port), resolve=resolve)
        for second in range(2):
            samples += await meter.round(NOW + timedelta(seconds=second))
        assert oks(tuple(samples[-3:])) == {"old": True, "new": False, "name": True}
        assert old.asked[0] == (f"wiki.test:{port}", "/health")
    for second in range(2, 5):
        samples += await meter.round(NOW + timedelta(seconds=second))
    assert oks(tuple(samples[-3:])) == {"old": False, "new": False, "name": False}
    async with web_at(NEW, port, Web()):
        samples += await meter.round(NOW + timedelta(seconds=5))
        assert oks(tuple(samples[-3:])) == {"old": False, "new": True, "name": False}
        points_to = NEW
        samples += await meter.round(NOW + timedelta(seconds=6))
        assert samples[-1].detail == "wiki.test at 127.0.0.2: status 200"
    (wiki,) = measured(samples, since=NOW)
    assert (wiki.out_s, wiki.began, wiki.ended) == (
        4,
        NOW + timedelta(seconds=2),
        NOW + timedelta(seconds=6),
    )


async def test_a_tcp_check_is_a_connection(tmp_path: Path) -> None:
    async with serving() as web:
        meter = make(tmp_path, Target("db", Check(tcp=web.port)))
        assert oks(await meter.round(NOW)) == {"old": True, "new": False}


async def test_of_several_names_the_worst_counts(tmp_path: Path) -> None:
    where = {"a.test": OLD, "b.test": NEW, "c.test": None}

    async def resolve(name: str) -> str | None:
        return where[name]

    async with serving() as web:
        for names, ok in (("ab", False), ("ac", None), ("abc", False), ("a", True)):
            target = http(web.port, "wiki", *(f"{name}.test" for name in names))
            assert oks(await make(tmp_path, target, resolve=resolve).round(NOW))["name"] is ok


async def test_a_name_that_cannot_be_looked_up_says_nothing_of_the_service(tmp_path: Path) -> None:
    async def refused(_: str) -> str | None:
        raise UnreachableError("The primary is silent.", hint="Wait.")

    async def silent(_: str) -> str | None:
        await asyncio.sleep(60)
        return OLD

    async with serving() as web:
        target = http(web.port)
        told = (await make(tmp_path, target, resolve=refused).round(NOW))[-1]
        assert (told.ok, told.detail) == (
            None,
            "wiki.test was not looked up: The primary is silent.",
        )
        meter = Meter(
            FixedClock(NOW),
            [target],
            old_address=OLD,
            new_address=NEW,
            resolve=silent,
            keep=tmp_path / "samples",
            deadline_s=0.1,
        )
        told = (await meter.round(NOW))[-1]
        assert (told.ok, told.detail) == (None, "wiki.test was not looked up within 0.1 s")


def test_what_only_the_host_can_check_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be made from outside"):
        make(tmp_path, Target("wiki", Check(unit="nginx.service")))


class ToldClock(FixedClock):
    """Moves when told, each time as far as it is told; whoever sleeps waits for that."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.slept: list[float] = []
        self._moved: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds + await self._moved.get())

    def wake(self, late_s: float = 0.0) -> None:
        """Whoever sleeps wakes when it wanted, or so much later."""
        self._moved.put_nowait(late_s)


async def until(count: Callable[[], int], wanted: int) -> None:
    end = asyncio.get_running_loop().time() + 10
    while count() != wanted:
        assert asyncio.get_running_loop().time() < end, "not so in 10 s"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(meter: Meter) -> AsyncIterator[None]:
    task = asyncio.create_task(meter.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_it_measures_at_whole_seconds_without_drift(tmp_path: Path) -> None:
    clock = ToldClock(NOW + timedelta(milliseconds=400))
    path = tmp_path / "samples"
    async with serving() as web, running(make(tmp_path, http(web.port), clock=clock)):
        for i, late_s in enumerate((0.0, 0.3, 0.3, 5.5, 0.0)):
            await until(lambda: len(clock.slept), i + 1)
            clock.wake(late_s)
        await until(lambda: len(read(path)), 15)
    seconds = sorted({(sample.at - NOW).total_seconds() for sample in read(path)})
    assert seconds == [1, 2, 3, 9, 10]
    assert clock.slept == pytest.approx([0.6, 1.0, 0.7, 0.7, 0.5, 1.0])


async def test_a_slow_service_delays_neither_others_nor_the_next_round(tmp_path: Path) -> None:
    clock = ToldClock(NOW)
    path = tmp_path / "samples"
    async with serving() as quick, serving() as slow:
        slow.hangs = True
        targets = (http(quick.port, "quick"), http(slow.port, "slow"))
        async with running(make(tmp_path, *targets, clock=clock)):
            for number in range(1, 4):
                clock.wake()
                await until(lambda: len(quick.asked), 2 * number)
            # Three rounds were begun at the quick one before the first check of the slow one ended.
            assert read(path) == ()
            await until(lambda: len(read(path)), 18)
    of_slow = {(s.side, s.ok, s.detail) for s in read(path) if s.service == "slow"}
    assert ("old", False, "no answer within 1 s") in of_slow
    assert all(s.ok for s in read(path) if s.service == "quick" and s.side != "new")


async def test_another_hostshift_goes_on_with_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "samples"
    async with serving() as web:
        for life in range(2):
            clock = ToldClock(NOW + timedelta(minutes=life))
            async with running(make(tmp_path, http(web.port), clock=clock)):
                clock.wake()
                await until(lambda: len(read(path)), 3 * (life + 1))
    (wiki,) = measured(read(path), since=NOW)
    assert (wiki.out_s, wiki.unseen_s, wiki.span_s) == (0, 59, 61)
    assert {sample.at.tzinfo for sample in read(path)} == {UTC}
