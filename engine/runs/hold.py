"""Hold: the right to write one run of the store, and what is still to be written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from engine.errors import HostshiftError
from engine.model.run import ENDED
from engine.runs.records import Record

if TYPE_CHECKING:
    from engine.runs.ledger import Ledger
    from engine.store import Message
    from engine.store.store import Store

LEASE_S: Final = 15.0
"""Seconds for which a hostshift owns a run after its last sign of life."""
LONGEST_RETRY_S: Final = 10.0
Op = Callable[["Store"], object]
_NOT_REACHED: Final = ("The run ended before it.",)


class Hold:
    """The right to write one run. Writes are queued in order and done again until they succeed.

    Attributes:
        acting: It counts as one of the runs that may act at once; False: it waits for a place.
        lost: Another hostshift has taken the run; nothing is written any more.
        trouble: Why the store can't be written now.
    """

    def __init__(
        self, ledger: Ledger, run_id: str, epoch: int, record: Record, *, acting: bool = True
    ) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self.acting = acting
        self.lost = False
        self.trouble: HostshiftError | None = None
        self.on_lost: Callable[[], None] = lambda: None
        self._ledger = ledger
        self._saved = record
        self._todo: deque[Op] = deque()
        self._awaited = False
        self._writer: asyncio.Task[None] | None = None
        for number, step in enumerate(record.run.steps, 1):
            if step.started_at and not step.ended_at:
                self._begin(number, step.id)  # begun by another: the attempt is counted

    def save(self, record: Record) -> None:
        """Have a record written; `flush` waits until it is."""
        from engine.store import StepEnd

        before, self._saved = self._saved, record
        self._ledger.note(record)
        pairs = zip(before.run.steps, record.run.steps, strict=True)
        changed = [(n, old, new) for n, (old, new) in enumerate(pairs, 1) if old != new]
        begun = {n: new.id for n, old, new in changed if new.started_at and not old.started_at}
        ended = {
            n: StepEnd(new.state, record.results.get(new.id), new.evidence or _NOT_REACHED)
            for n, old, new in changed
            if new.ended_at and not old.ended_at and new.started_at
        }
        run = record.run
        event = None
        if (run.state, run.reason) != (before.run.state, before.run.reason):
            event = (
                "state",
                self._ledger.owner,
                {"text": " ".join([f"{run.state}:", *run.reason])},
            )
        snapshot, mine, acting = record.snapshot(), self._mine, self.acting
        self._add(
            lambda s: _save(
                s,
                mine,
                event,
                state=run.state,
                snapshot=snapshot,
                acting=acting,
                begun=begun,
                ended=ended,
            )
        )
        if record.settled and run.state in ENDED:
            self._add(lambda s: s.finish(*mine, state=run.state, snapshot=snapshot))
        elif record.settled:
            self._add(lambda s: s.free_hosts(*mine))

    async def flush(self) -> None:
        """Wait until everything is written.

        Raises:
            LostRunError: another hostshift has taken the run.
        """
        from engine.store import LostRunError

        self._awaited = True
        try:
            while self._todo and not self.lost:
                if self._writer is None or self._writer.done():
                    self._writer = asyncio.create_task(self._write(), name=f"write {self.run_id}")
                await asyncio.shield(self._writer)
        finally:
            self._awaited = False
        if self.lost:
            raise LostRunError(self.run_id, None, self._saved.run.state)

    @property
    def stuck(self) -> HostshiftError | None:
        """Why nothing more happens in the run until the store can be written; None: it goes on."""
        return self.trouble if self._awaited else None

    async def take(self, topic: str, step: int) -> Message | None:
        """A message for a step; taken once, also when it is asked for again."""
        from engine.store import LostRunError, StoreError

        try:
            return await self._ledger.call(lambda s: s.take(*self._mine, topic, step))
        except LostRunError:
            self._lose()
        except StoreError as error:
            self.trouble = error
        return None

    async def act_again(self, bound: int) -> bool:
        """Count as acting after a wait; False while as many act as may, or the run is lost."""
        from engine.store import BoundReachedError, LostRunError, StoreError

        try:
            await self._ledger.call(lambda s: s.act_again(*self._mine, bound=bound))
        except BoundReachedError:
            return False
        except LostRunError:
            self._lose()
            return False
        except StoreError as error:
            self.trouble = error
            return False
        self.acting = True
        return True

    async def beat(self) -> None:
        """Say that this hostshift lives."""
        from engine.store import LostRunError, StoreError

        if self._saved.settled:
            return  # its end is written or about to be; there is nothing to hold any more
        try:
            await self._ledger.call(lambda s: s.beat(*self._mine, lease_s=LEASE_S))
        except LostRunError:
            self._lose()
        except StoreError as error:
            self.trouble = error
        else:
            self.trouble = None

    async def give_back(self) -> None:
        """Write what is left, as far as that is possible now, and let others drive."""
        from engine.store import LostRunError, StoreError

        self._ledger.forget(self)
        writer, self._writer = self._writer, None
        if writer is not None and not writer.done():
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        try:
            while self._todo and not self.lost:
                await self._ledger.call(self._todo[0])
                self._todo.popleft()
            if not self.lost and not (self._saved.settled and self._saved.run.state in ENDED):
                await self._ledger.call(lambda s: s.yield_lease(*self._mine))
        except (LostRunError, StoreError):
            pass  # the lease runs out by itself, and the host knows the truth
        known = self._ledger.known(self.run_id)
        if known is not None and not self.lost:
            self._ledger.remember(known.record)

    @property
    def _mine(self) -> tuple[str, str, int]:
        return self.run_id, self._ledger.owner, self.epoch

    def _begin(self, number: int, name: str) -> None:
        mine = self._mine
        self._add(lambda s: s.begin_step(*mine, number, name))

    def _add(self, op: Op) -> None:
        if self.lost:
            return
        self._todo.append(op)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name=f"write {self.run_id}")

    async def _write(self) -> None:
        from engine.store import ChangedError, LostRunError, RunEndedError, StoreError

        delay = 0.5
        while self._todo:
            try:
                await self._ledger.call(self._todo[0])
            except (LostRunError, ChangedError, RunEndedError):
                self._lose()
                return
            except StoreError as error:
                self.trouble = error
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_RETRY_S)
                continue
            if self._todo:  # it is emptied when the run is lost meanwhile
                self._todo.popleft()
            self.trouble, delay = None, 0.5

    def _lose(self) -> None:
        if not self.lost:
            self.lost = True
            self._todo.clear()
            self._ledger.forget(self)
            self.on_lost()


def _save(
    store: Store,
    mine: tuple[str, str, int],
    event: tuple[str, str, dict[str, Any]] | None,
    **changes: Any,
) -> None:
    from engine.store import Event

    store.save(*mine, event=Event(*event) if event else None, **changes)
