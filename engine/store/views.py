"""Looking at what the store holds. Nothing here writes, and on SQLite nothing waits for writers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, exists, select

from engine.store.database import Database
from engine.store.fencing import RunRow, lease_alive
from engine.store.progress import stored_step
from engine.store.tables import events, run_hosts, runs, steps
from engine.store.values import StoredEvent, StoredRun, StoredStep

_HOLDS = exists().where(run_hosts.c.run == runs.c.id, run_hosts.c.active).label("holds_hosts")


class Views:
    """The part of the store for those who only look."""

    _database: Database

    def load(self, run_id: str) -> StoredRun | None:
        """A run; None: there is none.

        Raises:
            StoreError: the store can't be used.
        """
        found = self._runs(select(runs, _HOLDS).where(runs.c.id == run_id))
        return found[0] if found else None

    def all(self, limit: int | None = None) -> tuple[StoredRun, ...]:
        """Every run, or so many of them, the newest first.

        Raises:
            StoreError: the store can't be used.
        """
        newest = select(runs, _HOLDS).order_by(runs.c.started_at.desc(), runs.c.id.desc())
        return self._runs(newest.limit(limit))

    def steps(self, run_id: str) -> tuple[StoredStep, ...]:
        """The steps of a run that were begun, by number.

        Raises:
            StoreError: the store can't be used.
        """
        with self._database.reading() as connection:
            found = connection.execute(
                select(steps).where(steps.c.run == run_id).order_by(steps.c.number)
            )
            return tuple(stored_step(one) for one in found)

    def events(self, run_id: str) -> tuple[StoredEvent, ...]:
        """The journal of a run, the oldest first.

        Raises:
            StoreError: the store can't be used.
        """
        with self._database.reading() as connection:
            found = connection.execute(
                select(events).where(events.c.run == run_id).order_by(events.c.id)
            )
            return tuple(
                StoredEvent(
                    id=one.id,
                    run=one.run,
                    at=one.at,
                    state=one.state,
                    kind=one.kind,
                    by=one.by,
                    body=one.body,
                )
                for one in found
            )

    def changed_since(self, version: int) -> tuple[str, ...]:
        """The runs that changed after a version (`StoredRun.version`), the latest change last.

        Cheap enough to be asked several times a second. 0 gives every run.

        Raises:
            StoreError: the store can't be used.
        """
        with self._database.reading() as connection:
            newer = select(runs.c.id).where(runs.c.version > version).order_by(runs.c.version)
            return tuple(connection.execute(newer).scalars())

    def _runs(self, wanted: Select[Any]) -> tuple[StoredRun, ...]:
        with self._database.reading() as connection:
            found = connection.execute(wanted).all()
            # Only now: a heartbeat between the two would be younger than the moment, and its
            # lease, which has a beginning, not begun.
            mark = self._database.moment(connection).mark
            return tuple(_run(one, mark) for one in found)


def _run(found: RunRow, mark: float) -> StoredRun:
    return StoredRun(
        id=found.id,
        kind=found.kind,
        plan=found.plan,
        digest=found.digest,
        workflow_version=found.workflow_version,
        hosts=tuple(found.hosts),
        operator=found.operator,
        owner=found.owner,
        epoch=found.epoch,
        lease_until=found.lease_until,
        lease_alive=lease_alive(found, mark),
        holds_hosts=found.holds_hosts,
        state=found.state,
        snapshot=found.snapshot,
        started_at=found.started_at,
        ended_at=found.ended_at,
        version=found.version,
    )
