"""What a database complains of, in people's words and with what to do."""

from __future__ import annotations

import shlex
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.store.errors import StoreError, StoreUnreachableError
from engine.text import clean_line

FILES = ("", "-wal", "-shm")
"""Endings of the files of one SQLite store; they belong together."""


def corrupt(place: str, file: Path, why: str) -> StoreError:
    """The file of SQLite can't be read any more."""
    return StoreError(f"{place} is corrupt: {_words(why)}.", hint=_aside(file))


def _aside(file: Path) -> str:
    moves = "; ".join(
        f"mv {shlex.quote(f'{file}{end}')} {shlex.quote(f'{file}.broken{end}')}" for end in FILES
    )
    return (
        f"Nothing was removed. Put a copy from your backup there, or move it aside ({moves}) and "
        "start anew: jobs go on and are found again by the locks of their hosts."
    )


def complaint(error: SQLAlchemyError, place: str, file: Path | None) -> StoreError:
    """What to tell a person.

    Args:
        place: The store as it may be shown, without a password.
        file: The store's file; None on PostgreSQL.
    """
    if isinstance(error, PoolTimeoutError):
        return StoreUnreachableError(f"{place} is busy.", hint="Try again in a moment.")
    if not isinstance(error, DBAPIError):
        return _other(error, place)
    if file is not None:
        return _sqlite(error.orig, place, file)
    return _postgresql(error, place)


def _sqlite(error: BaseException | None, place: str, file: Path) -> StoreError:
    # The names of result codes: https://www.sqlite.org/rescode.html
    name: str = getattr(error, "sqlite_errorname", None) or ""
    if name == "SQLITE_NOTADB":
        return StoreError(f"{place} is not a database.", hint=_aside(file))
    if name.startswith("SQLITE_CORRUPT"):
        return corrupt(place, file, str(error))
    if name == "SQLITE_FULL":
        return StoreError(
            f"The disk of {place} is full; nothing was written.",
            hint="Free some room there. Jobs go on, and the run can be carried on afterwards.",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreUnreachableError(
            f"{place} is held by another program.",
            hint="Try again in a moment; a program that looks into the file may hold it.",
        )
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreError(
            f"{place} can't be opened or written: {_words(error)}.",
            hint="Mend the permissions of the file and of its directory.",
        )
    if name.startswith("SQLITE_IOERR"):
        return StoreError(
            f"{place} can't be read or written: {_words(error)}.",
            hint="Look at the disk: dmesg says what it complains of. SQLite needs a local disk.",
        )
    return _other(error, place)


def _postgresql(error: DBAPIError, place: str) -> StoreError:
    # SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
    state: str = getattr(error.orig, "sqlstate", None) or ""
    words = _words(error.orig)
    if state.startswith("28") or "password" in words:
        return StoreError(
            f"{place} refuses us: {words}.",
            hint="Put the password into ~/.pgpass (mode 0600) or PGPASSWORD, or mend [store] url.",
        )
    if state == "3D000" or ("database" in words and "does not exist" in words):
        return StoreError(
            f"{place} isn't there: {words}.",
            hint="Make it: createdb --owner USER NAME (docs/store.md).",
        )
    if state in ("53100", "53200"):
        return StoreError(
            f"The server of {place} is full; nothing was written: {words}.",
            hint="Free some room there. Jobs go on, and the run can be carried on afterwards.",
        )
    if state in ("42501", "25006"):
        return StoreError(
            f"{place} forbids it: {words}.",
            hint="Let the user own the database, and connect to the primary (docs/store.md).",
        )
    if state.startswith("XX"):
        return StoreError(
            f"{place} is corrupt: {words}.",
            hint="Its server's log says more. Nothing was removed; restore it from a backup.",
        )
    # Class 08: connections; 53: too many of them; 57: it shuts down or gave up waiting; 55P03 and
    # 40: others were in the way; none: no connection was made, or it was cut.
    passing = not state or state.startswith(("08", "53", "57", "40")) or state == "55P03"
    if error.connection_invalidated or passing:
        return StoreUnreachableError(
            f"{place} doesn't answer: {words}.",
            hint="Is the server up, and can it be reached from here? Jobs go on meanwhile.",
        )
    return _other(error.orig, place)


def _other(error: BaseException | None, place: str) -> StoreError:
    return StoreError(
        f"{place} fails: {_words(error)}.",
        hint="Nothing was written. docs/store.md says what can be done.",
    )


def _words(error: BaseException | str | None) -> str:
    return clean_line(" ".join(str(error).split()), 400).rstrip(".")
