"""The runs that are driven or watched here, each by a task of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from engine.errors import HostshiftError
from engine.jobs import lock
from engine.jobs.answers import LockedError
from engine.model.host import Host
from engine.model.run import State
from engine.runs import steps
from engine.runs.drive import LAST_RETRY_S, Driver, LookAt
from engine.runs.hold import Hold
from engine.runs.ledger import Ledger
from engine.runs.log_copies import LogCopies
from engine.runs.observe import Observation
from engine.runs.records import Logs, Record
from engine.session import Session

WATCH_S: Final = 0.5
"""Seconds between two looks at a run that another hostshift drives."""


@dataclass(slots=True)
class _Live:
    """A run that is driven or watched here.

    Attributes:
        fresh: It was confirmed in this life of hostshift, so nothing of it is out of date.
        take_over: It is carried on here once whoever drives it is gone.
        reason: Why it is to be taken from the hostshift that drove it; empty: because that is gone.
    """

    task: asyncio.Task[None] | None = None
    driver: Driver | None = None
    inner: asyncio.Task[None] | None = None
    fresh: bool = False
    take_over: bool = False
    reason: str | None = None

    @property
    def over(self) -> bool:
        return self.task is None or self.task.done()


class LiveRuns:
    """What this hostshift drives or watches.

    Args:
        look_at: How to look at a host.
    """

    def __init__(self, session: Session, ledger: Ledger, logs: Logs, look_at: LookAt) -> None:
        self._session = session
        self._ledger = ledger
        self._logs = logs
        self._look_at = look_at
        self._live: dict[str, _Live] = {}

    def goes_on(self, run_id: str) -> bool:
        """Whether something may still happen in a run from here."""
        live = self._live.get(run_id)
        return live is not None and not live.over

    def driver(self, run_id: str) -> Driver | None:
        """Who drives or looks at a run here, or did last."""
        live = self._live.get(run_id)
        return live.driver if live is not None else None

    async def leave(self, run_id: str) -> None:
        """Stop driving or watching a run."""
        live = self._live.get(run_id)
        if live is not None and live.task is not None:
            await _cancel(live.task)

    async def close(self) -> None:
        """Stop with all of them."""
        for run_id in list(self._live):
            await self.leave(run_id)
        self._live.clear()

    def follow(
        self,
        run_id: str,
        hold: Hold | None = None,
        *,
        fresh: bool = False,
        take_over: bool = False,
        reason: str | None = None,
    ) -> None:
        live = self._live.get(run_id)
        if live is not None and not live.over:
            live.take_over |= take_over
            if take_over and live.inner is not None and not _acts(live):
                live.inner.cancel()  # it is only looked at; now it may be carried on
            return
        live = _Live(fresh=fresh, take_over=take_over, reason=reason)
        self._live[run_id] = live
        live.task = asyncio.create_task(self._following(run_id, live, hold), name=f"run {run_id}")

    async def _following(self, run_id: str, live: _Live, hold: Hold | None) -> None:
        """Drive a run, or watch whoever does and carry it on when they let go of it."""
        known = self._ledger.known(run_id)
        if known is None:
            return
        copies = LogCopies(self._session, self._logs, lambda: self._record(run_id, known.record))
        try:
            await self._to_its_end(run_id, live, hold, copies)
        finally:
            await copies.end()

    def _record(self, run_id: str, otherwise: Record) -> Record:
        known = self._ledger.known(run_id)
        return known.record if known is not None else otherwise

    async def _to_its_end(
        self, run_id: str, live: _Live, hold: Hold | None, copies: LogCopies
    ) -> None:
        locked = hold is not None and hold.acting
        while True:
            known = self._ledger.known(run_id)
            if known is None:
                return
            if known.record.settled and hold is None:
                await copies.finish()
                return
            record = known.record
            if self._session.read_only or record.watched or known.foreign:
                if not known.foreign:
                    await self._drive(record, None, live, resumed=True)
                return
            if hold is None and known.owner is not None and known.alive and live.reason is None:
                copies.begin()
                await asyncio.sleep(WATCH_S)
                continue
            await copies.end()
            if hold is None and known.owner is not None and not live.take_over:
                # Whoever drove it is gone. To carry it on is a person's act; to look is not.
                await self._drive(record, None, live, resumed=True)
                if self._live[run_id].take_over:  # meanwhile somebody has asked for it
                    continue
                return
            hold = hold or await self._hold(run_id, live)
            if hold is None:
                await asyncio.sleep(WATCH_S)
                continue
            known = self._ledger.known(run_id) or known
            late = not locked and known.record.run.state == "planned"
            # It waited for a free place, or its hostshift died on the way to the lock.
            if late and not hold.lost and not await self._begin_late(known.record, hold):
                return
            if not hold.lost and await self._drive(
                known.record, hold, live, resumed=not live.fresh
            ):
                return
            # Another hostshift has taken it: from now on it is theirs.
            hold, live.driver, live.reason = None, None, None
            live.fresh = live.take_over = False

    async def _begin_late(self, record: Record, hold: Hold) -> bool:
        """Wait for a place, then take the host's lock; False when the run has ended instead."""
        from engine.store import BoundReachedError

        bound = self._session.inventory.at_once
        while not hold.acting and not await hold.act_again(bound):
            if hold.lost:
                return True  # whoever has it now goes on
            stop = await hold.take("stop", 0)
            if stop is not None:
                await self._nothing_done(record, hold, f"{stop.sender} asked for it.")
                return False
            if record.run.hint is None:
                waits = BoundReachedError(bound)
                record = self._with_state(record, "planned", waits.message, waits.hint)
                hold.save(record)
            await asyncio.sleep(WATCH_S)
        return await self._lock_late(record, hold)

    async def _lock_late(self, record: Record, hold: Hold) -> bool:
        """Take the host's lock for a run that is begun later than it was confirmed."""
        host = self._session.inventory.host(record.run.host)
        delay = 1.0
        while True:
            try:
                await take_lock(self._session, host, record)
            except LockedError as error:
                await self._nothing_done(record, hold, error.message)
                return False
            except HostshiftError as error:
                hold.save(self._with_state(record, "planned", error.message, error.hint))
                await self._session.clock.sleep(delay)
                delay = min(2 * delay, LAST_RETRY_S)
            else:
                return True

    async def _nothing_done(self, record: Record, hold: Hold, why: str) -> None:
        """End a run before anything of it has begun."""
        record = self._with_state(record, "cancelled", f"{why} Nothing was changed.")
        verdict = Observation("cancelled", record.run.reason)
        hold.save(replace(record, verdict=verdict, released=True))
        await hold.give_back()

    def _with_state(
        self, record: Record, state: State, reason: str, hint: str | None = None
    ) -> Record:
        seen = Observation(state, (reason,), hint)
        return replace(record, run=steps.with_state(record.run, seen, self._session.clock.now()))

    async def _hold(self, run_id: str, live: _Live) -> Hold | None:
        """The right to drive; None while it can't be had: somebody has it, too many act already."""
        from engine.store import BoundReachedError, LeaseHeldError, StoreError

        known = self._ledger.known(run_id)
        planned = known is not None and known.record.run.state == "planned"
        bound = None if planned else self._session.inventory.at_once
        try:
            return await self._ledger.hold(
                run_id, bound=bound, acting=not planned, reason=live.reason
            )
        except (LeaseHeldError, BoundReachedError, StoreError):
            return None

    async def _drive(
        self, record: Record, hold: Hold | None, live: _Live, *, resumed: bool
    ) -> bool:
        """Carry a run out, or only look at it; False when another hostshift has taken it."""
        host = self._session.inventory.host(record.run.host)
        self._logs.make(record.run.id)
        driver = Driver(
            self._session, host, record, hold, self._look_at, self._logs, resumed=resumed
        )
        live.driver = driver
        task = asyncio.create_task(self._driving(driver), name=f"drive {record.run.id}")
        live.inner = task
        if hold is not None:
            hold.on_lost = lambda: _end(task)
        try:
            await asyncio.wait({task})
        finally:
            if not task.done():
                await _cancel(task)
        if hold is not None and hold.lost:
            return False
        if hold is not None:
            await hold.give_back()
        return True

    async def _driving(self, driver: Driver) -> None:
        from engine.store import LostRunError

        try:
            await driver.carry_out()
        except LostRunError:
            return
        except Exception as error:  # noqa: BLE001 - a fault of ours must not read as "running"
            why = Observation(
                "unknown",
                (f"hostshift itself failed while following: {type(error).__name__}: {error}",),
                "The job goes on. Open hostshift again to follow it; please report this.",
            )
            driver.keep(steps.with_state(driver.run, why, self._session.clock.now()))


async def take_lock(session: Session, host: Host, record: Record) -> None:
    """Take a host's lock for a run, or find that it has it.

    Raises:
        LockedError: another run has it.
    """
    run = record.run
    fields = {
        "host": host.name,
        "candidate": run.candidate,
        "operator": run.operator,
        "digest": run.digest,
    }
    await lock.take(session.transport, host, run.id, fields, session.inventory.retention_runs_s)


def _acts(live: _Live) -> bool:
    return live.driver is not None and live.driver.acts


def _end(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
