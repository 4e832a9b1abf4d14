"""What the successor has otherwise than the old host, as far as the data care. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.host import Host
from engine.preflight.values import Database, Preflight, Volume


def differences(
    before: Preflight, now: Preflight, old: Host, paths: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stops the data from moving by files, and what is to be known.

    Args:
        before: Of the old host; `now`: of the successor.
        paths: The volumes that are moved by files.
    """
    stops = [*_tools(now, paths), *_databases(before, now, paths), *_room(before, now, paths)]
    return tuple(stops), tuple(_tells(before, now, old))


def _tools(now: Preflight, paths: tuple[str, ...]) -> Iterator[str]:
    if paths and now.rsync == "":
        yield "rsync isn't installed on the successor."


def _databases(before: Preflight, now: Preflight, paths: tuple[str, ...]) -> Iterator[str]:
    for database in before.databases or ():
        if database.volume not in paths or database.engine != "postgresql":
            continue
        why = ""
        other = _same(database, now)
        known = other is not None and None not in (database.version, other.version)
        if other is not None and known and database.version != other.version:
            why = f"it is of version {database.version}, and the successor has {other.version}"
        if before.libc and now.libc and before.libc != now.libc:
            why = f"its indexes were sorted with {before.libc}, and the successor has {now.libc}"
        elif set(before.icu) != set(now.icu):
            why = (
                f"its indexes may be sorted with {', '.join(before.icu) or 'no ICU'}, and the "
                f"successor has {', '.join(now.icu) or 'none'}"
            )
        if why:
            yield (
                f"PostgreSQL's files in {database.path} can't move: {why}. Give "
                f"{database.service} a sync script (a dump, a replica)."
            )


def _same(database: Database, now: Preflight) -> Database | None:
    """The successor's database of the same engine in the same volume."""
    return next(
        (
            d
            for d in now.databases or ()
            if (d.engine, d.volume) == (database.engine, database.volume)
        ),
        None,
    )


def _room(before: Preflight, now: Preflight, paths: tuple[str, ...]) -> Iterator[str]:
    """By file system of the successor: volumes that aren't there yet lie where `/` does."""
    # What is there already is written over.
    free = {
        v.path: None if v.free_bytes is None else v.free_bytes + (v.used_bytes or 0)
        for v in now.volumes
    }
    for volume in (v for v in before.volumes if v.path in paths):
        room = free.get(volume.path)
        if room is not None and volume.used_bytes is not None and volume.used_bytes > room:
            yield (
                f"{volume.path} holds {_mb(volume)}, and the successor has "
                f"{room / 1_000_000:.0f} MB there for it."
            )


def _mb(volume: Volume) -> str:
    return f"{(volume.used_bytes or 0) / 1_000_000:.0f} MB"


def _tells(before: Preflight, now: Preflight, old: Host) -> Iterator[str]:
    if before.libc and now.libc and before.libc != now.libc:
        yield f"C library: {before.libc} on {old.name}, {now.libc} on the successor."
    for database in before.databases or ():
        other = _same(database, now)
        if other is not None and other.version != database.version:
            yield (
                f"{database.service}: {database.engine} {database.version} on {old.name}, "
                f"{other.version} on the successor."
            )
    if before.ipv6 and now.ipv6 is False:
        yield "The successor speaks no IPv6."
