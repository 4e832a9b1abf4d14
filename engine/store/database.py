"""The database behind the store: transactions, time, and a file that is still there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.exc import SQLAlchemyError, StatementError

from engine.clock import Clock, ForwardClock
from engine.errors import ReadOnlyError
from engine.store.complaints import complaint
from engine.store.errors import StoreError
from engine.store.tables import meta

READS = "hostshift_reads"
"""Execution option of a transaction that only reads (`engine.store.opening`)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What time it is for the store.

    Attributes:
        now: For people and deadlines.
        mark: Seconds on the scale that leases are measured on. On SQLite the machine's monotonic
            clock, which all its processes share and nobody can set; on PostgreSQL the server's.
    """

    now: datetime
    mark: float


@dataclass(frozen=True, slots=True)
class Write:
    """A write transaction: nothing of it is kept unless all of it is.

    Attributes:
        version: The number of this change.
    """

    connection: Connection
    moment: Moment
    version: int


class Database:
    """One database, SQLite or PostgreSQL.

    Args:
        place: How messages name it; holds no password.
        file: The file of SQLite; None: PostgreSQL.
        clock: The time on SQLite.
    """

    def __init__(
        self, engine: Engine, place: str, file: Path | None, clock: Clock, *, read_only: bool
    ) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**{READS: True})
        self.file = file
        self._identities: dict[str, tuple[int, int]] = {}
        self._clock = ForwardClock(clock)
        self.place = place
        self.read_only = read_only

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing and on SQLite waits for nobody.

        Raises:
            StoreError: the store can't be used.
        """
        with self._told(), self._reader.begin() as connection:
            self._must_be_there("")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Write]:
        """A transaction that changes something. One at a time: the others wait for its end.

        Raises:
            StoreError: the store can't be used; nothing was written.
            ReadOnlyError: it was opened for looking only.
        """
        with self.unnumbered() as connection:
            # This row's lock is what lets writers in one by one on PostgreSQL, so that numbers
            # are committed in their order; on SQLite BEGIN IMMEDIATE has done so already.
            number = connection.execute(
                update(meta)
                .where(meta.c.key == "version")
                .values(value=meta.c.value + 1)
                .returning(meta.c.value)
            ).scalar_one()
            yield Write(connection, self.moment(connection), number)

    @contextmanager
    def unnumbered(self) -> Iterator[Connection]:
        """A write that viewers need not hear of, such as a heartbeat. Errors as in `writing`."""
        if self.read_only:
            raise ReadOnlyError("writing to the run store")
        with self._told(), self._engine.begin() as connection:
            self._must_be_there("", "-wal")
            yield connection
            self._must_be_there("", "-wal")

    def moment(self, connection: Connection) -> Moment:
        """What time it is."""
        if self.file is not None:
            return Moment(self._clock.now(), self._clock.monotonic())
        now = connection.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)
        return Moment(now, now.timestamp())

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            if isinstance(error, StatementError) and isinstance(
                error.orig, (TypeError, ValueError)
            ):
                raise error.orig from None  # not JSON: the caller's mistake
            raise complaint(error, self.place, self.file) from error

    def _must_be_there(self, *endings: str) -> None:
        """A file that was deleted or replaced would swallow every write without a word."""
        if self.file is None:
            return
        for ending in endings:
            try:
                found = os.stat(f"{self.file}{ending}")
            except OSError as error:
                raise self._gone(error.strerror or "it can't be looked at") from error
            identity = (found.st_dev, found.st_ino)
            if self._identities.setdefault(ending, identity) != identity:
                raise self._gone("another file is in its place")

    def _gone(self, why: str) -> StoreError:
        return StoreError(
            f"{self.place} was deleted or moved while it was open ({why}); nothing is recorded.",
            hint="Put it back with its -wal file and start hostshift again. Without it, start "
            "anew: jobs go on and are found again by the locks of their hosts.",
        )
