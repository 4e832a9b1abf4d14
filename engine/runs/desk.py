"""RunDesk: the runs that one open hostshift knows, drives or watches."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from engine.clock import rfc3339
from engine.errors import HostshiftError, RefusedError
from engine.facts.failure import as_error
from engine.inventory import Inventory
from engine.jobs import lock
from engine.jobs.answers import Holder, LockedError
from engine.jobs.lock import LockEvidence
from engine.jobs.mirror import read
from engine.jobs.start import read_plan
from engine.model.cutover import CutoverView
from engine.model.facts import HostLock, Look
from engine.model.host import Host
from engine.model.journal import JournalEntry
from engine.model.plan import Plan
from engine.model.run import Run
from engine.runs import steps
from engine.runs.acts.gate import END, GO_ON, topic
from engine.runs.drive import LookAt
from engine.runs.errors import PlanChangedError
from engine.runs.hold import Hold
from engine.runs.ledger import Known, Ledger
from engine.runs.live import LiveRuns, take_lock
from engine.runs.log_copies import lacking
from engine.runs.observe import Observation
from engine.runs.phases import phases
from engine.runs.records import Logs, Record, new_id, unknown_run
from engine.runs.regained import come_to, end_of_replacement
from engine.runs.successor import builds_the_same, successor_name
from engine.session import Session

POLL_S: Final = 0.1
STALE_S: Final = 300
"""Seconds without a heartbeat after which a colleague's run whose job has ended is concluded."""
SETTLE_S: Final = 30.0
"""Seconds that an ended run of ours gets to give its host back, before another is refused, and
before a command that follows it ends."""

MakePlan = Callable[[Host, "Look", Plan, datetime], Plan]


class RunDesk:
    """What the verbs of engine.runs share within one session.

    Args:
        look_at: How to look at a host; another one in tests.
        make_plan: How to plan the same again from a look; another one in tests.
    """

    def __init__(
        self, session: Session, look_at: LookAt | None = None, make_plan: MakePlan | None = None
    ) -> None:
        self._session = session
        owner = f"{session.operator} pid {os.getpid()} {secrets.token_hex(3)}"
        self._ledger = Ledger(session.store_url(), owner, read_only=session.read_only)
        self._logs = Logs(session.state_dir)
        self._look_at = look_at or _look_at
        self._make_plan = make_plan or partial(_make_plan, session.inventory)
        self._live = LiveRuns(session, self._ledger, self._logs, look_at or _look_at)

    async def open(self) -> None:
        """See `engine.runs.open_runs`."""
        await self._ledger.open()
        if self._session.read_only:
            return
        for known in self._ledger.all():
            ended = known.record.run.ended and not known.record.settled
            if ended and known.owner is None and self._session.inventory.has(known.record.run.host):
                self._live.follow(known.record.run.id)  # its lock is still to be given back

    # Starting

    async def start(self, plan: Plan, confirmation: str, fresh: Look | None = None) -> str:
        """See `engine.runs.start`."""
        session = self._session
        session.must_be_allowed_to_change(f"{plan.candidate} on {plan.host}")
        _must_be_confirmed(plan, confirmation)
        phases(plan)
        host = session.inventory.host(plan.host)
        look = fresh or await self._look_at(session, host, "full")
        if look.facts is None:
            raise as_error(look)
        if look.facts.lock is not None:
            raise LockedError(host.name, _holder(look.facts.lock))
        new = self._make_plan(host, look, plan, session.clock.now())
        if new.digest != plan.digest:
            raise PlanChangedError(plan, new)
        return await self._begin(host, plan)

    async def _begin(self, host: Host, plan: Plan) -> str:
        from engine.store import BoundReachedError

        session = self._session
        await self.open()
        plan = self.measured(plan)
        now = session.clock.now()
        run_id = new_id(now)
        record = Record(plan, steps.planned(plan, run_id, session.operator, now))
        self._must_have_its_own_successor(record)
        await self._forget_old(now)
        # The intent is on the disk before the host is touched: whoever comes next finds both.
        await self._create(record)
        try:
            hold = await self._ledger.hold(run_id, bound=session.inventory.at_once)
        except BoundReachedError:
            # It waits for a place, and is nobody else's meanwhile: it was confirmed here and now.
            hold = await self._ledger.hold(run_id, acting=False)
            self._live.follow(run_id, hold, fresh=True)
            return run_id
        try:
            await take_lock(session, host, record)
        except BaseException as error:
            await self._not_begun(hold, record, error)
            raise
        self._live.follow(run_id, hold, fresh=True)
        return run_id

    def _must_have_its_own_successor(self, record: Record) -> None:
        """Before the script builds anything: two may be planned under a name that is free yet."""
        other = builds_the_same(record, (known.record for known in self._ledger.all()))
        if other is not None:
            raise RefusedError(
                f"{successor_name(record)} is being built for {other.host}, by run {other.id}.",
                hint="Plan it again once that one has cut over: the inventory knows the name then, "
                f"and {record.run.host} gets the next one.",
            )

    async def _create(self, record: Record) -> None:
        """Put a new run into the store, once an ended one has given the host back."""
        from engine.store import HostBusyError

        until = self._session.clock.monotonic() + SETTLE_S
        while True:
            try:
                await self._ledger.create(record)
            except HostBusyError as error:
                known = self._ledger.known(error.run)
                settling = known is not None and known.record.run.ended
                if not settling or self._session.clock.monotonic() > until:
                    raise
                if known is not None and (known.owner is None or not known.alive):
                    self.resume(error.run)
                await self._session.clock.sleep(POLL_S)
            else:
                return

    async def _not_begun(self, hold: Hold, record: Record, error: BaseException) -> None:
        """Remember a start that came to nothing; the lock may be taken when the link broke."""
        words = getattr(error, "message", "") or "The start was interrupted."
        observed = Observation("cancelled", (f"{words} Nothing was changed.",))
        run = steps.with_state(record.run, observed, self._session.clock.now())
        nothing = isinstance(error, LockedError)
        hold.save(replace(record, run=run, verdict=observed, released=nothing))
        if nothing:
            await hold.give_back()
        else:
            self._live.follow(run.id, hold)

    async def _forget_old(self, now: datetime) -> None:
        retention = self._session.inventory.retention_runs_s
        if retention <= 0:
            return
        before = {known.record.run.id for known in self._ledger.all()}
        await self._ledger.prune(now - timedelta(seconds=retention))
        for gone in before - {known.record.run.id for known in self._ledger.all()}:
            directory = self._logs.directory(gone)
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    # Taking up what was begun

    async def adopt(self, look: Look) -> str | None:
        """See `engine.runs.adopt`."""
        held_lock = look.facts.lock if look.facts else None
        if held_lock is None:
            return None
        run_id = held_lock.run
        if self._live.goes_on(run_id):
            return run_id
        if not self._session.read_only:
            await self._ledger.open()
        if self._ledger.known(run_id) is None:
            record = await self._found(look, held_lock)
            if record is None:
                return None
            if self._session.read_only:
                self._ledger.remember(record)
            else:
                await self._ledger.create(record)
        self._live.follow(run_id)
        return run_id

    async def _found(self, look: Look, held: HostLock) -> Record | None:
        """A record of a run that this controller has never seen, from what the host keeps."""
        session = self._session
        host = session.inventory.host(look.host)
        plan = await read_plan(session.transport, host, held.run)
        if plan is None or plan.host != look.host:
            return None
        own = held.operator == session.operator
        stale = (held.heartbeat_age_s or 0) > STALE_S and held.job_alive is False
        since = held.since or session.clock.now()
        run = steps.planned(plan, held.run, held.operator or "unknown", since)
        record = Record(plan, run, watched=not (own or stale))
        if held.step is None:
            return record
        built = look.facts.successor if look.facts is not None else None
        ended = None
        if not record.watched:
            ended = end_of_replacement(record, held.step, built, session.clock.now())
        return ended or come_to(record, held.step, since)

    def resume(self, run_id: str, *, take_over: bool = False) -> bool:
        """See `engine.runs.resume`."""
        known = self._ledger.known(run_id)
        if known is None or (known.record.settled and not lacking(self._logs, known.record)):
            return False
        self._live.follow(run_id, take_over=take_over)
        return True

    async def take_over(self, run_id: str, reason: str) -> None:
        """See `engine.runs.take_over`."""
        self._session.must_be_allowed_to_change(f"taking over run {run_id}")
        known = await self._must_know(run_id)
        if known.record.settled:
            raise RefusedError(
                f"Run {run_id} has ended; there is nothing to take over.",
                hint=f"hostshift log {run_id}",
            )
        if known.alive and known.owner is not None and not reason.strip():
            raise RefusedError(
                f"Run {run_id} is driven by {known.owner}, which was heard of lately.",
                hint="Say why it is taken over all the same; the reason is kept in the journal.",
            )
        driver = self._live.driver(run_id)
        if self._live.goes_on(run_id) and driver is not None and driver.acts:
            return
        await self._live.leave(run_id)
        self._live.follow(run_id, take_over=True, reason=reason.strip() or None)

    # What people say to a run

    async def answer(
        self, run_id: str, step_id: str | None, answer: str, words: str, confirmation: str
    ) -> None:
        """See `engine.runs.answer`."""
        self._session.must_be_allowed_to_change(f"answering run {run_id}")
        known = await self._must_know(run_id)
        run = self.get(run_id)
        waiting = next((step.id for step in run.steps if step.state == "waiting"), None)
        if run.state != "waiting" or waiting is None or step_id not in (None, waiting):
            raise RefusedError(
                f"Run {run_id} does not wait for an answer"
                + (f" at step {step_id}." if step_id else f"; it is {run.state}."),
                hint="hostshift runs shows what waits.",
            )
        if run.waits_for is None:
            raise RefusedError(
                f"Run {run_id} has its answer. {' '.join(run.reason)}",
                hint=f"hostshift attach {run_id} follows it.",
            )
        if answer not in (GO_ON, END):
            raise RefusedError(
                f"{answer!r} is no answer to a gate.", hint=f"Answer {GO_ON} or {END}."
            )
        if answer == GO_ON and confirmation != run.host:
            raise RefusedError(
                f"To go on touches {run.host}: that wants the host's name, not {confirmation!r}.",
                hint=f"Type {run.host} to confirm.",
            )
        body = {"answer": answer, "words": words}
        await self._ledger.send(run_id, topic(known.record), body)
        if known.owner is None:
            self._live.follow(run_id)

    async def stop(self, run_id: str, hard: bool, confirmation: str) -> None:
        """See `engine.runs.stop`."""
        self._session.must_be_allowed_to_change(f"stopping run {run_id}")
        known = await self._must_know(run_id)
        run = self.get(run_id)
        if run.ended:
            raise RefusedError(f"Run {run_id} has ended.", hint=f"hostshift log {run_id}")
        if hard and confirmation != run.host:
            raise RefusedError(
                f"A hard stop may leave {run.host} half-way: it wants the host's name, "
                f"not {confirmation!r}.",
                hint=f"Type {run.host} to confirm.",
            )
        if known.owner is not None and not known.alive:
            raise RefusedError(
                f"The hostshift that drove run {run_id} ({known.owner}) is gone; nobody would hear "
                "this.",
                hint="Take the run over first, then stop it.",
            )
        await self._ledger.send(run_id, "stop", {"hard": hard})
        if known.owner is None:
            self._live.follow(run_id)

    # Locks that were left behind

    async def lock_evidence(self, host_name: str) -> tuple[str, ...]:
        """See `engine.runs.lock_evidence`."""
        host = self._session.inventory.host(host_name)
        return _told(host_name, await self._evidence(host))

    async def break_lock(self, host_name: str, confirmation: str, reason: str) -> None:
        """See `engine.runs.break_lock`."""
        session = self._session
        session.must_be_allowed_to_change(f"breaking the lock of {host_name}")
        host = session.inventory.host(host_name)
        if confirmation != host.name:
            raise RefusedError(
                f"To break its lock wants the host's name, not {confirmation!r}.",
                hint=f"Type {host.name} to confirm.",
            )
        if not reason.strip():
            raise RefusedError(
                "Breaking a lock wants a reason, which the host keeps.", hint="Say why."
            )
        found = await self._evidence(host)
        if found.holder is None:
            raise RefusedError(f"{host.name} is not locked.", hint=f"hostshift status {host.name}")
        await lock.break_lock(
            session.transport,
            host,
            new_id(session.clock.now()),
            found.holder.run,
            operator=session.operator,
            reason=reason.strip(),
        )

    async def _evidence(self, host: Host) -> LockEvidence:
        look = await self._look_at(self._session, host, "light")
        if look.facts is None:
            raise as_error(look)
        held = look.facts.lock
        if held is None:
            return LockEvidence(None)
        return await lock.evidence(self._session.transport, host, held.run)

    # Looking

    async def _must_know(self, run_id: str) -> Known:
        await self._ledger.open()
        known = self._ledger.known(run_id)
        if known is None:
            raise unknown_run(run_id)
        return known

    def get(self, run_id: str) -> Run:
        """See `engine.runs.get`."""
        known = self._ledger.known(run_id)
        driver = self._live.driver(run_id)
        if driver is None:
            if known is None:
                raise unknown_run(run_id)
            return known.shown
        run = driver.run
        if known is not None and known.owner != self._ledger.owner:
            run = replace(run, owner=known.owner, owner_alive=known.alive)
        if driver.hold is not None and driver.hold.trouble is not None:
            return _unrecorded(run, driver.hold.trouble)
        return run

    def plan(self, run_id: str) -> Plan | None:
        """The plan of a known run."""
        known = self._ledger.known(run_id)
        return known.record.plan if known else None

    def measured(self, plan: Plan) -> Plan:
        """See `engine.runs.measured_plan`."""
        from engine.runs.measured import with_measured

        return with_measured(plan, (known.record.run for known in self._ledger.all()))

    def cutover(self, run_id: str) -> CutoverView | None:
        """See `engine.runs.cutover_view`."""
        from engine.runs.cutover import view

        known, driver = self._ledger.known(run_id), self._live.driver(run_id)
        record = driver.record if driver is not None else known.record if known else None
        if record is None or not self._session.inventory.has(record.run.host):
            return None
        old = self._session.inventory.host(record.run.host)
        dns = driver.name_servers if driver is not None else ()
        return view(record, self.get(run_id), old, self._logs, self._session.clock.now(), dns)

    def list_runs(self) -> tuple[Run, ...]:
        """See `engine.runs.list_runs`."""
        return tuple(self.get(known.record.run.id) for known in self._ledger.all())

    async def journal(self, run_id: str) -> tuple[JournalEntry, ...]:
        """See `engine.runs.journal`."""
        await self._must_know(run_id)
        return await self._ledger.journal(run_id)

    async def export(self, run_id: str, with_logs: bool) -> str:
        """See `engine.runs.export`."""
        from engine.runs import foreseen
        from engine.runs.drill import drill
        from engine.runs.markdown import to_markdown

        known = await self._must_know(run_id)
        run, plan = self.get(run_id), known.record.plan
        logs: dict[str, bytes | None] | None = None
        if with_logs:
            paths = {step.id: self._logs.path(run_id, step.id) for step in run.steps}
            logs = {name: await asyncio.to_thread(_whole, path) for name, path in paths.items()}
            logs |= dict.fromkeys(lacking(self._logs, known.record))
        entries = await self._ledger.journal(run_id)
        results = known.record.results or await self._ledger.results(run_id)
        proven = drill(plan, run, results)
        rows = foreseen.of(results.values())
        now = self._session.clock.now()
        return to_markdown(plan, run, entries, logs, now, proven, rows)

    def read_log(self, run_id: str, step_id: str, offset: int, limit: int) -> bytes:
        """See `engine.runs.read_log`."""
        return read(self._logs.path(run_id, step_id), offset, limit)

    def lacking_logs(self, run_id: str) -> tuple[str, ...]:
        """See `engine.runs.lacking_logs`."""
        known = self._ledger.known(run_id)
        return lacking(self._logs, known.record) if known is not None else ()

    async def wait(self, run_id: str, patience_s: float | None = None) -> Run:
        """See `engine.runs.wait`."""
        clock = self._session.clock
        lost_since: float | None = None
        ended_since: float | None = None
        while True:
            run = self.get(run_id)
            driver = self._live.driver(run_id)
            waits = run.waits_for is not None and (driver is None or driver.at_gate)
            if not self._live.goes_on(run_id) or waits:
                return self.get(run_id)
            if run.ended and patience_s is not None:
                # Its end stands; if need be the next hostshift gives the lock back.
                ended_since = clock.monotonic() if ended_since is None else ended_since
                if clock.monotonic() - ended_since >= min(patience_s, SETTLE_S):
                    return run
            stuck = driver.hold.stuck if driver is not None and driver.hold is not None else None
            if stuck is not None and patience_s is not None and not _may_pass(stuck):
                return run
            if run.state != "unknown" and stuck is None:
                lost_since = None
            elif patience_s is not None:
                lost_since = clock.monotonic() if lost_since is None else lost_since
                if clock.monotonic() - lost_since >= patience_s:
                    return run
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """See `engine.runs.close`."""
        await self._live.close()
        await self._ledger.close()


def _unrecorded(run: Run, trouble: HostshiftError) -> Run:
    """A run whose store can't be written now."""
    if not run.ended:
        reason = (*run.reason, f"Nothing new is begun meanwhile: {trouble.message}")
        return replace(run, reason=reason, hint=trouble.hint)
    # Whoever comes next would not know of its end, and its host's lock is still to be given back.
    reason = (f"It has ended: {run.state}.", *run.reason, f"It is not recorded: {trouble.message}")
    return replace(run, state="attention", reason=reason, hint=trouble.hint)


def _may_pass(trouble: HostshiftError) -> bool:
    from engine.store import StoreUnreachableError

    return isinstance(trouble, StoreUnreachableError)


def _whole(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _must_be_confirmed(plan: Plan, confirmation: str) -> None:
    if confirmation != plan.digest:
        raise RefusedError(
            f"The confirmation ({confirmation[:12]}...) is not for this plan for {plan.host} "
            f"({plan.digest[:12]}...).",
            hint=f"hostshift plan {plan.host} {plan.candidate} prints the digest to confirm.",
        )


def _told(host: str, found: LockEvidence) -> tuple[str, ...]:
    """What was found of a host's lock, in words."""
    if found.holder is None:
        return (f"{host} is not locked.",)
    holder = found.holder
    first = (
        f"{host} is locked by run {holder.run} of {holder.operator or 'somebody'} since "
        f"{holder.since or 'an unknown time'}."
    )
    return (
        first,
        *(f"for breaking it: {line}" for line in found.speaks_for),
        *(f"against breaking it: {line}" for line in found.speaks_against),
        "It may be broken." if found.stale else "It can't be broken now.",
    )


def _holder(held: HostLock) -> Holder:
    since = rfc3339(held.since) if held.since else ""
    return Holder(held.run, held.operator or "", since, held.candidate or "")


async def _look_at(session: Session, host: Host, depth: str) -> Look:
    from engine.facts import look_at

    return await look_at(session, host, "full" if depth == "full" else "light")


def _make_plan(inventory: Inventory, host: Host, look: Look, plan: Plan, now: datetime) -> Plan:
    from engine.plan import make_plan, replacing

    if look.facts is None:
        raise as_error(look)
    about = replacing(inventory, host, look.facts)
    return make_plan(
        host, look.facts, plan.candidate, now, inventory.hooks, about=about, take=plan.take
    )
