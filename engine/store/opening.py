"""Opening a store: from its URL to a database with our tables in it."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from engine.clock import Clock
from engine.errors import InputError
from engine.store.complaints import corrupt
from engine.store.database import READS, Database
from engine.store.errors import NoStoreError, StoreError
from engine.store.tables import SCHEMA, make_tables, meta, metadata

BUSY_S = 10
"""How long a transaction waits for others, in seconds."""
_SCHEMA_LOCK = 0x686F7374
"""PostgreSQL's advisory lock under which tables are made."""
_LIBPQ = {
    # https://www.postgresql.org/docs/current/libpq-connect.html: a server that is gone is noticed.
    "application_name": "hostshift",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def open_database(url: str, clock: Clock, *, read_only: bool) -> Database:
    """Connect, and make the tables where there are none.

    Raises:
        InputError: not such a URL. The message doesn't repeat it, it may hold a password.
        StoreError: it can't be used; NoStoreError: there is none and this is a viewer.
    """
    if url.startswith("sqlite:///"):
        database = _sqlite(Path(url.removeprefix("sqlite:///")), clock, read_only=read_only)
    elif url.startswith("postgresql://"):
        database = _postgresql(url, clock, read_only=read_only)
    else:
        raise _no_url()
    try:
        if read_only:
            with database.reading() as connection:
                if not _has_tables(connection, database.place):
                    raise _none(database.place)
        else:
            _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _no_url() -> InputError:
    return InputError(
        "The store's URL can't be understood.",
        hint='Write [store] url = "sqlite:////absolute/path" or "postgresql://user@host/database".',
    )


# --- SQLite


def _sqlite(file: Path, clock: Clock, *, read_only: bool) -> Database:
    if not file.is_absolute():
        raise _no_url()
    place = f"The run store {file}"
    if read_only:
        if not file.exists():
            raise _none(place)
    else:
        _make_private(file, place)
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        connect_args={"timeout": BUSY_S},
        hide_parameters=True,
    )

    # sqlite3's own, implicit BEGIN comes too late and is no IMMEDIATE one. So SQLAlchemy emits it,
    # as its documentation says ("Enabling Non-Legacy SQLite Transactional Modes").
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: object) -> None:
        connection.isolation_level = None
        if read_only:
            connection.execute("PRAGMA query_only = on")
        elif _journal_mode(connection) != ("wal",):
            raise StoreError(
                f"The disk of {place} can't be shared safely.",
                hint="Put the file on a local disk, or use PostgreSQL: [store] url.",
            )
        connection.execute("PRAGMA synchronous = full")
        connection.execute("PRAGMA foreign_keys = on")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        reads = connection.get_execution_options().get(READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return Database(engine, place, file, clock, read_only=read_only)


def _journal_mode(connection: sqlite3.Connection) -> object:
    """What the file's journal is now. SQLite itself doesn't wait here for who writes to a new file
    (sqlite3PagerSetJournalMode asks for the lock once), as where two hostshifts make it at once."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            return connection.execute("PRAGMA journal_mode = wal").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.02)


def _make_private(file: Path, place: str) -> None:
    """The file, readable by its owner only; SQLite gives its -wal and -shm the same mode."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        file.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"{place} can't be made or opened: {error.strerror}.",
            hint="Its directory must be there and be yours; look at [store] url.",
        ) from error


# --- PostgreSQL


def _postgresql(text: str, clock: Clock, *, read_only: bool) -> Database:
    try:
        url = make_url(text).set(drivername="postgresql+psycopg")
    except (SQLAlchemyError, ValueError) as error:
        raise _no_url() from error
    if "@" in (url.host or ""):
        raise _no_url()  # an unquoted @ in the password: its rest would be shown as the host
    url = url.update_query_dict({k: v for k, v in _LIBPQ.items() if k not in url.query})
    place = f"The run store {url.database} on {url.host or 'this machine'}"
    # A connection that was cut while it lay unused is replaced before it is used.
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: object) -> None:
        limits = {
            "lock_timeout": f"{BUSY_S}s",
            "statement_timeout": f"{2 * BUSY_S}s",
            # Who is cut off or frozen in the middle of a transaction doesn't keep the others.
            "idle_in_transaction_session_timeout": f"{BUSY_S}s",
            "synchronous_commit": "on",
            "default_transaction_read_only": "on" if read_only else "off",
        }
        with connection.cursor() as cursor:
            for name, value in limits.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.commit()

    return Database(engine, place, None, clock, read_only=read_only)


# --- tables


def _prepare(database: Database) -> None:
    with database.unnumbered() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
        if not _has_tables(connection, database.place):
            make_tables(connection)
    if database.file is not None:
        with database.reading() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise corrupt(database.place, database.file, str(found))


def _has_tables(connection: Connection, place: str) -> bool:
    """Whether the tables are there; StoreError: they are there, but not ours."""
    names = set(inspect(connection).get_table_names())
    if meta.name not in names:
        # A database may hold extensions' tables, a file of ours holds nothing else.
        if names if connection.dialect.name == "sqlite" else names & set(metadata.tables):
            raise _foreign(place)
        return False
    found = connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar()
    if found is None or found < SCHEMA:
        raise _foreign(place)
    if found > SCHEMA:
        raise StoreError(
            f"{place} was made by a later hostshift (tables of version {found}; this one knows "
            f"{SCHEMA}); nothing was changed.",
            hint="Bring this hostshift up to date, or use the one that made it.",
        )
    return True


def _none(place: str) -> NoStoreError:
    return NoStoreError(f"{place} isn't there yet.", hint="The first run makes it.")


def _foreign(place: str) -> StoreError:
    return StoreError(
        f"{place} holds the tables of another program.",
        hint="Give hostshift a file or a database of its own: [store] url.",
    )
