"""Ledger: the durable store of runs as the desk uses it, without ever blocking the loop.

Every call to the store happens on one thread of its own, in order. What others wrote is read once
a second into a copy in memory, so that whoever shows runs waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from engine.model.journal import JournalEntry
from engine.model.json_form import to_json
from engine.model.run import Run
from engine.runs import hold as holding
from engine.runs.hold import Hold
from engine.runs.records import WORKFLOW_VERSION, Record, record_of

if TYPE_CHECKING:
    from engine.store import StoredEvent, StoredRun
    from engine.store.store import Store

BEAT_S: Final = 4.0
POLL_S: Final = 1.0
"""Seconds between two looks at what other hostshifts wrote."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """A run as it was last read.

    Attributes:
        owner: The hostshift that drives it; None where nobody does.
        alive: Whether that hostshift's lease has not run out.
        foreign: It was begun by a hostshift with other workflows; it can only be looked at.
    """

    record: Record
    owner: str | None
    alive: bool
    foreign: bool = False

    @property
    def shown(self) -> Run:
        """The run for those who look at it, with who drives it."""
        from dataclasses import replace

        run = replace(self.record.run, owner=self.owner, owner_alive=self.alive)
        if not self.alive and run.state == "running":
            # What was seen last may not be true any more, and nobody looks.
            words = f"Nobody has looked since {self.owner or 'its hostshift'} let go of it."
            return replace(
                run,
                state="unknown",
                reason=(words, *run.reason),
                hint=f"hostshift attach {run.id} looks, and carries it on.",
            )
        if self.foreign and not run.ended:
            return replace(
                run,
                state="attention",
                reason=("It was begun by another version of hostshift, which has other steps.",),
                hint="Carry it on with that version, or look at the host and end it here.",
            )
        return run


class Ledger:
    """The runs of one store.

    Args:
        url: The store; None keeps nothing (a read-only session).
        owner: How this hostshift signs what it writes.
    """

    def __init__(self, url: str | None, owner: str, *, read_only: bool = False) -> None:
        self.owner = owner
        self._url = url
        self._read_only = read_only
        self._store: Store | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._opening = asyncio.Lock()
        self._known: dict[str, Known] = {}
        self._version = 0
        self._holds: dict[str, Hold] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Open the store, once, and read what is in it.

        Raises:
            StoreError: it can't be opened.
        """
        async with self._opening:
            if self._store is not None or self._url is None:
                return
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
            from engine.store import NoStoreError, open_store

            url, read_only = self._url, self._read_only
            loop = asyncio.get_running_loop()
            try:
                self._store = await loop.run_in_executor(
                    self._thread, lambda: open_store(url, read_only=read_only)
                )
            except NoStoreError:
                return  # nothing was ever begun, and a viewer makes no store
        await self._read_changes()
        self._tasks = [
            asyncio.create_task(self._polling(), name="store: poll"),
            asyncio.create_task(self._beating(), name="store: beat"),
        ]

    async def close(self) -> None:
        """Give back what is held, and close the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for hold in list(self._holds.values()):
            await hold.give_back()
        if self._store is not None and self._thread is not None:
            store, self._store = self._store, None
            await asyncio.get_running_loop().run_in_executor(self._thread, store.close)
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    # What is known

    def known(self, run_id: str) -> Known | None:
        """A run as it was last read or written."""
        return self._known.get(run_id)

    def all(self) -> tuple[Known, ...]:
        """Every run, the newest first."""
        return tuple(self._known[name] for name in sorted(self._known, reverse=True))

    def remember(self, record: Record) -> None:
        """Keep a run in memory only (a read-only session)."""
        self._known[record.run.id] = Known(record, None, alive=False)

    async def journal(self, run_id: str) -> tuple[JournalEntry, ...]:
        """What happened in a run, in order; nothing of it ever changes."""
        events = await self.call(lambda store: store.events(run_id))
        return tuple(JournalEntry(e.at, e.kind, e.by, _words(e)) for e in events)

    # What is written

    async def create(self, record: Record) -> None:
        """Remember a new run; its hosts are taken in the store from then on.

        Raises:
            HostBusyError: another run of this store has one of them.
        """
        from engine.store import NewRun

        run = record.run
        new = NewRun(
            id=run.id,
            kind=run.candidate,
            plan=to_json(record.plan),
            digest=run.digest,
            workflow_version=WORKFLOW_VERSION,
            hosts=(run.host,),
            operator=run.operator,
            snapshot=record.snapshot(),
            started_at=run.started_at,
        )
        await self.call(lambda store: store.create(new))
        self._known[run.id] = Known(record, None, alive=False)

    async def hold(
        self,
        run_id: str,
        *,
        bound: int | None = None,
        acting: bool = True,
        reason: str | None = None,
    ) -> Hold:
        """Become the one who drives a run.

        Args:
            bound: How many runs may act at once.
            acting: False: it waits for a place among those.
            reason: Why it is taken from a hostshift that may still live.

        Raises:
            LeaseHeldError: another hostshift drives it.
            BoundReachedError: so many act already.
        """
        epoch = await self.call(
            lambda store: store.claim(
                run_id,
                self.owner,
                lease_s=holding.LEASE_S,
                bound=bound,
                acting=acting,
                reason=reason,
            )
        )
        await self._read(run_id)
        known = self._known[run_id]
        held = Hold(self, run_id, epoch, known.record, acting=acting)
        self._holds[run_id] = held
        self._known[run_id] = Known(known.record, self.owner, alive=True, foreign=known.foreign)
        return held

    async def send(self, run_id: str, topic: str, body: dict[str, Any]) -> None:
        """Leave a message for whoever drives a run."""
        await self.call(lambda store: store.send(run_id, topic, body, self.owner))

    async def prune(self, before: datetime) -> None:
        """Forget runs that ended before a moment."""
        await self.call(lambda store: store.prune(before))
        kept = await self.call(lambda store: {run.id for run in store.all()})
        for gone in set(self._known) - kept:
            del self._known[gone]

    async def call(self, act: Callable[[Store], T]) -> T:
        """Ask the store, on its thread.

        Raises:
            StoreError: it can't be used.
        """
        if self._store is None:
            await self.open()
        store, thread = self._store, self._thread
        if store is None or thread is None:
            raise RuntimeError("a session without a store can't write to it")
        return await asyncio.get_running_loop().run_in_executor(thread, act, store)

    # What others write

    async def _polling(self) -> None:
        from engine.store import StoreError

        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self._read_changes()
            except StoreError:
                continue  # whoever writes says so; to look can wait

    async def _read_changes(self) -> None:
        store, thread = self._store, self._thread
        if store is None or thread is None:
            return
        version = self._version

        def changed(store: Store) -> tuple[int, list[StoredRun | None]]:
            # leases run out without anything being written
            waiting = {k for k, v in self._known.items() if v.owner and v.alive}
            ids = set(store.changed_since(version)) | (waiting - set(self._holds))
            found = [store.load(run_id) for run_id in sorted(ids)]
            return max([version, *(run.version for run in found if run)]), found

        loop = asyncio.get_running_loop()
        self._version, found = await loop.run_in_executor(thread, changed, store)
        for run in found:
            if run is not None and run.id not in self._holds:
                await self._take_in(run)

    async def _read(self, run_id: str) -> None:
        stored = await self.call(lambda store: store.load(run_id))
        if stored is not None:
            await self._take_in(stored)

    async def results(self, run_id: str) -> dict[str, dict[str, Any]]:
        """What a run's steps have left; of one that has ended nobody else needs it."""
        steps = await self.call(lambda store: store.steps(run_id))
        return {step.name: step.result for step in steps if step.result is not None}

    async def _take_in(self, stored: StoredRun) -> None:
        results = await self.results(stored.id) if stored.ended_at is None else {}
        try:
            record = record_of(stored.plan, stored.snapshot, results)
        except (ValueError, KeyError, TypeError):
            return  # not ours to understand; the store keeps it
        foreign = stored.workflow_version != WORKFLOW_VERSION
        self._known[stored.id] = Known(record, stored.owner, stored.lease_alive, foreign)

    async def _beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            for hold in list(self._holds.values()):
                await hold.beat()

    def note(self, record: Record) -> None:
        """A run that this hostshift drives, as it is now."""
        self._known[record.run.id] = Known(record, self.owner, alive=True)

    def forget(self, hold: Hold) -> None:
        """A run that isn't held any more."""
        if self._holds.get(hold.run_id) is hold:
            del self._holds[hold.run_id]


def _words(event: StoredEvent) -> str:
    text = event.body.get("text")
    if isinstance(text, str):
        return text
    return ", ".join(f"{key} {value}" for key, value in sorted(event.body.items()))
