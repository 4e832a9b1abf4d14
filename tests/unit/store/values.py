"""Runs for tests of the store, and ways around it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from engine.clock import FixedClock
from engine.store import NewRun
from engine.store.store import Store

BEGAN = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
EVIDENCE = ("exit status 0 read from the host",)
ME = "desk:1"
OTHER = "laptop:2"


class Machine(FixedClock):
    """A machine's clock that can be set, and a machine that can be restarted."""

    def __init__(self) -> None:
        super().__init__(BEGAN)
        self.advance(1000)

    def set_back(self, seconds: float) -> None:
        """Set the wall clock back; time passes no less for that."""
        self._now -= timedelta(seconds=seconds)

    def restart(self) -> None:
        """The monotonic clock begins anew."""
        self._monotonic = 0.0


def a_run(name: str = "run1", *hosts: str, started_at: datetime = BEGAN) -> NewRun:
    """A run on server1, or on the hosts that are given."""
    return NewRun(
        id=name,
        kind="candidate",
        plan={"candidate": "upgrade", "steps": ["é", None, 1.5]},
        digest="d1",
        workflow_version=1,
        hosts=hosts or ("server1",),
        operator="operator@desk",
        snapshot={"state": "planned"},
        started_at=started_at,
    )


def driven(store: Store, run: str = "run1", *hosts: str, owner: str = ME) -> int:
    """A run that is recorded and claimed for a minute; its epoch."""
    store.create(a_run(run, *hosts))
    return store.claim(run, owner, lease_s=60)


def end(store: Store, run: str, epoch: int, owner: str = ME) -> None:
    """End a run that has no open step."""
    store.finish(run, owner, epoch, state="succeeded", snapshot={"state": "succeeded"})


def step(store: Store, run: str, epoch: int, number: int, owner: str = ME) -> None:
    """Carry out one step."""
    store.begin_step(run, owner, epoch, number, f"step{number}")
    store.end_step(
        run, owner, epoch, number, state="succeeded", result={"n": number}, evidence=EVIDENCE
    )


@contextmanager
def raw(url: str) -> Iterator[Any]:
    """The database without the store: a connection with ``execute``, each statement on its own."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
            connection.execute("PRAGMA foreign_keys = on")
            yield connection
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


REFUSED = (sqlite3.IntegrityError, psycopg.errors.IntegrityError)
"""What the databases raise for what they forbid."""
