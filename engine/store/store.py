"""The durable store of runs: one code for SQLite and PostgreSQL (docs/store.md)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete

from engine.store.claims import Claims
from engine.store.database import Database
from engine.store.messages import Messages
from engine.store.progress import Progress
from engine.store.tables import runs
from engine.store.views import Views


class Store(Claims, Progress, Messages, Views):
    """Runs, their steps, messages and journal. Made by `engine.store.open_store`.

    Every method is one transaction, waits for a bounded time and blocks meanwhile: never call one
    on the loop of a user interface. One thread at a time may use a store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def read_only(self) -> bool:
        """Whether it was opened for looking; every write then raises ReadOnlyError."""
        return self._database.read_only

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def now(self) -> datetime:
        """What time it is for the store: the server's clock on PostgreSQL, this machine's else.

        On SQLite it never goes backwards while the store is open: when the machine's clock is set
        back, time goes on from where it was, so no deadline moves away.

        Raises:
            StoreError: the store can't be used.
        """
        with self._database.reading() as connection:
            return self._database.moment(connection).now

    def prune(self, before: datetime) -> int:
        """Remove the runs that ended before a moment, with all that belongs to them.

        Returns:
            How many runs were removed.

        Raises:
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            return write.connection.execute(delete(runs).where(runs.c.ended_at < before)).rowcount
