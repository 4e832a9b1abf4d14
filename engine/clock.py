"""Time as a value that can be replaced: nothing in the engine asks the system for it directly."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the engine needs to know of time."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go backwards, for deadlines."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)


class ForwardClock:
    """A clock's time that never goes backwards: after a jump back it goes on from where it was.

    Args:
        since: A moment that is known to have passed, from an earlier life.
    """

    def __init__(self, clock: Clock, since: datetime | None = None) -> None:
        self._clock = clock
        self._now = max(clock.now(), since) if since else clock.now()
        self._mark = clock.monotonic()

    def now(self) -> datetime:
        """The latest wall clock time that it can be."""
        mark = self._clock.monotonic()
        passed = timedelta(seconds=max(0.0, mark - self._mark))
        self._now = max(self._clock.now(), self._now + passed)
        self._mark = mark
        return self._now

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._clock.monotonic()


class FixedClock:
    """A clock that moves only when told: for screenshots and tests."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._now

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """Moves the clock instead of waiting."""
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC with whole seconds, such as ``2026-11-23T03:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
