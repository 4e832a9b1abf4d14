"""Who may write to a run: only who made its last claim. And what each write leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from engine.model.run import State
from engine.store.database import Write
from engine.store.errors import LostRunError, NoRunError, RunEndedError
from engine.store.tables import events, run_hosts, runs
from engine.store.values import Event

RunRow = Row[Any]


def row(connection: Connection, run_id: str) -> RunRow:
    """The run's row, locked until the end of the transaction (SQLite locks the whole store).

    Raises:
        NoRunError: there is none.
    """
    found = connection.execute(select(runs).where(runs.c.id == run_id).with_for_update()).first()
    if found is None:
        raise NoRunError(run_id)
    return found


def fenced(connection: Connection, run_id: str, owner: str, epoch: int) -> RunRow:
    """The run's row, for its owner only.

    Raises:
        LostRunError: the run was taken over, given back or ended.
        NoRunError: there is none.
    """
    found = row(connection, run_id)
    if found.owner != owner or found.epoch != epoch or found.ended_at is not None:
        raise LostRunError(run_id, found.owner, found.state)
    return found


def alive(connection: Connection, run_id: str) -> RunRow:
    """The run's row, whoever drives it, while it has not ended.

    Raises:
        RunEndedError: it has.
        NoRunError: there is none.
    """
    found = row(connection, run_id)
    if found.ended_at is not None:
        raise RunEndedError(run_id, found.state)
    return found


def lease_alive(found: RunRow, mark: float) -> bool:
    """Whether the owner was heard of lately enough.

    The lease has a beginning, too: on a clock that went back behind it, it doesn't hold.
    """
    return found.owner is not None and found.lease_from <= mark < found.lease_to


def change(write: Write, run_id: str, **values: object) -> None:
    """Change the run's row, if only its version, so that viewers hear of it."""
    write.connection.execute(
        update(runs).where(runs.c.id == run_id).values(version=write.version, **values)
    )


def note(write: Write, run_id: str, state: State, happened: Event) -> None:
    """Append to the journal."""
    write.connection.execute(
        insert(events).values(
            run=run_id,
            at=write.moment.now,
            state=state,
            kind=happened.kind,
            by=happened.by,
            body=happened.body,
        )
    )


def busy(
    connection: Connection, hosts: Sequence[str], but: str | None = None
) -> tuple[str, str] | None:
    """The first of some hosts that has an active run, other than ``but``, and that run's id."""
    found = connection.execute(
        select(run_hosts.c.host, run_hosts.c.run)
        .where(run_hosts.c.host.in_(hosts), run_hosts.c.active, run_hosts.c.run != (but or ""))
        .order_by(run_hosts.c.host)
    ).first()
    return None if found is None else (found.host, found.run)
