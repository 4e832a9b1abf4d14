"""The meter: once a second each service is asked at server(n), at its successor, by its name."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from engine.clock import Clock, ForwardClock
from engine.errors import HostshiftError, InputError
from engine.health import http
from engine.health.reach import Answer, Way, connect
from engine.outage.kept import Kept
from engine.outage.values import Sample, Side, Target
from engine.text import clean_line

Resolve = Callable[[str], Awaitable[str | None]]
"""The address that a DNS name has now; None where that can't be told."""
_SAID = 200


class Meter:
    """Measures until it is cancelled.

    A check is made anew each time, by a connection of its own: as a client that comes now.

    Args:
        old_address, new_address: Where server(n) and its successor answer.
        resolve: Asked at each check, so that a change of the DNS is seen at once.
        keep: The file of samples; what it has already stays.
        deadline_s: Seconds within which a connection and each of its reads must succeed.

    Raises:
        InputError: a check is neither http nor tcp.
    """

    def __init__(
        self,
        clock: Clock,
        targets: Sequence[Target],
        *,
        old_address: str,
        new_address: str,
        resolve: Resolve,
        keep: Path,
        every_s: float = 1.0,
        deadline_s: float = 1.0,
    ) -> None:
        for target in targets:
            if target.check.http is None and target.check.tcp is None:
                raise InputError(
                    f"The check `{target.check.shown}` of {target.service} can't be made from "
                    "outside.",
                    hint="Give the service an http or a tcp check.",
                )
        self._clock = clock
        self._targets = tuple(targets)
        self._addresses: tuple[tuple[Side, str], ...] = (("old", old_address), ("new", new_address))
        self._resolve = resolve
        self._keep = keep
        self._every_s = every_s
        self._deadline_s = deadline_s

    async def run(self) -> None:
        """Measure once in every interval, at whole multiples of it, whatever a check takes.

        A moment that passed while this machine slept is left out: a gap in the file. So is a
        round that could not be written.

        Raises:
            InputError: the file can't be opened.
        """
        kept = Kept(self._keep)
        clock = ForwardClock(self._clock)

        def moment() -> float:
            return clock.now().timestamp() / self._every_s

        number = math.floor(moment())
        try:
            async with asyncio.TaskGroup() as rounds:
                while True:
                    number = max(number, math.floor(moment())) + 1
                    await self._clock.sleep(max(0.0, (number - moment()) * self._every_s))
                    # Woken late by whole intervals: what is measured now is measured now.
                    number = max(number, math.floor(moment()))
                    at = datetime.fromtimestamp(number * self._every_s, UTC)
                    _ = rounds.create_task(self._kept_round(at, kept))
        finally:
            kept.close()

    async def _kept_round(self, at: datetime, kept: Kept) -> None:
        samples = await self.round(at)
        with contextlib.suppress(OSError):  # a full disk: the gap tells of it
            kept.add(samples)

    async def round(self, at: datetime) -> tuple[Sample, ...]:
        """Make every check once, all at the same time."""
        found = await asyncio.gather(*(self._at_all(target, at) for target in self._targets))
        return tuple(sample for samples in found for sample in samples)

    async def _at_all(self, target: Target, at: datetime) -> list[Sample]:
        sides: list[Side] = [side for side, _ in self._addresses]
        asked = [self._ask(target, address) for _, address in self._addresses]
        if target.names:
            sides.append("name")
            asked.append(self._by_names(target))
        answers = await asyncio.gather(*asked)
        return [
            Sample(at, target.service, side, ok, clean_line(detail, _SAID))
            for side, (ok, detail) in zip(sides, answers, strict=True)
        ]

    async def _ask(self, target: Target, address: str) -> Answer:
        way = Way(address, own=False)
        if target.check.http is not None:
            return await http.ask(target.check, way, self._deadline_s)
        return await connect(way, target.check.tcp or 0, self._deadline_s)

    async def _by_names(self, target: Target) -> Answer:
        """What a client sees that finds the service by its names: the worst of them."""
        answers = await asyncio.gather(*(self._by_name(target, name) for name in target.names))
        for ok in (False, None):
            for answer in answers:
                if answer[0] is ok:
                    return answer
        return answers[0]

    async def _by_name(self, target: Target, name: str) -> Answer:
        try:
            async with asyncio.timeout(self._deadline_s):
                address = await self._resolve(name)
        except TimeoutError:
            return None, f"{name} was not looked up within {self._deadline_s:g} s"
        except HostshiftError as error:
            return None, f"{name} was not looked up: {error.message}"
        if address is None:
            return None, f"{name} has no address that can be told"
        ok, detail = await self._ask(target, address)
        return ok, f"{name} at {address}: {detail}"
