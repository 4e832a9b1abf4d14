"""The durable store of runs (docs/store.md). Loads its database library only when one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.clock import Clock, SystemClock
from engine.store.errors import (
    BoundReachedError,
    ChangedError,
    DuplicateRunError,
    HostBusyError,
    LeaseHeldError,
    LostRunError,
    NoRunError,
    NoStoreError,
    OpenStepError,
    RunEndedError,
    StoreError,
    StoreUnreachableError,
)
from engine.store.values import (
    Event,
    Json,
    Message,
    NewRun,
    StepEnd,
    StoredEvent,
    StoredRun,
    StoredStep,
)

if TYPE_CHECKING:
    from engine.store.store import Store


def open_store(url: str, *, clock: Clock | None = None, read_only: bool = False) -> Store:
    """Open the store of runs, and make it where there is none.

    Args:
        url: ``sqlite:////absolute/path`` (the file gets mode 0600) or
            ``postgresql://user@host:port/database``.
        clock: The time on SQLite; PostgreSQL's server has its own. Default: the system's.
        read_only: For viewers: nothing is made, and every write raises ReadOnlyError.

    Raises:
        InputError: the URL can't be understood.
        NoStoreError: there is no store yet, and it was to be opened read-only.
        StoreUnreachableError: it doesn't answer now.
        StoreError: it is corrupt, full, another program's, or made by a later hostshift.
    """
    from engine.store.opening import open_database
    from engine.store.store import Store

    return Store(open_database(url, clock or SystemClock(), read_only=read_only))


__all__ = [
    "BoundReachedError",
    "ChangedError",
    "DuplicateRunError",
    "Event",
    "HostBusyError",
    "Json",
    "LeaseHeldError",
    "LostRunError",
    "Message",
    "NewRun",
    "NoRunError",
    "NoStoreError",
    "OpenStepError",
    "RunEndedError",
    "StepEnd",
    "StoreError",
    "StoreUnreachableError",
    "StoredEvent",
    "StoredRun",
    "StoredStep",
    "open_store",
]
