"""What the changes of one transaction need of each other, from the records of their versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.model.facts import Change, Left, Part, Transaction
from engine.programs.apt_records import Clause, Record

_Named = Mapping[str, Change]


def with_parts(
    transaction: Transaction,
    records: Iterable[Record],
    automatic: frozenset[tuple[str, str]],
    installed: Mapping[tuple[str, str], str],
) -> Transaction:
    """The transaction with its parts, and with the sources of packages that are new.

    Args:
        installed: The sources of what is installed, by name and architecture.
    """
    known = {(r.name, r.version, r.architecture): r for r in records}
    pairs = [(change, known.get(_key(change))) for change in transaction.changes]
    changes = tuple(
        replace(change, source=record.source) if record and change.source is None else change
        for change, record in pairs
    )
    found = [(change, record) for change, record in pairs if record is not None]
    if len(found) < len(pairs):
        return replace(transaction, changes=changes)
    named = {change.name: change for change in changes}
    names = frozenset(name for name, _ in installed)
    providers = {
        virtual: change.name
        for change, record in found
        if change.action == "install"
        for virtual in record.provides
    }
    parts = tuple(
        Part(
            name=change.name,
            needs=_needs(change, record, named, names, providers),
            download_bytes=record.size,
            automatic=_is_automatic(change, automatic),
        )
        for change, record in found
    )
    return replace(transaction, changes=changes, parts=parts)


def left_behind(
    transaction: Transaction,
    installed: Mapping[tuple[str, str], str],
    reasons: Mapping[str, Iterable[str]],
) -> tuple[Left, ...]:
    """Binaries of the transaction's sources that stay although there is a newer version.

    Args:
        reasons: Names that stay, by why.
    """
    sources = {change.source for change in transaction.changes if change.source}
    taken = {change.name.partition(":")[0] for change in transaction.changes}
    found = (
        Left(name, source, why)
        for why, names in reasons.items()
        for name in names
        if name not in taken and (source := installed.get((name, ""))) in sources and source
    )
    return tuple(sorted(set(found), key=lambda left: (left.source, left.name, left.why)))


def _key(change: Change) -> tuple[str, str, str]:
    return change.name.partition(":")[0], change.to_version or "", change.architecture or ""


def _is_automatic(change: Change, automatic: frozenset[tuple[str, str]]) -> bool:
    name, _, foreign = change.name.partition(":")
    # A package for all architectures is kept under the native one.
    marked = {architecture for marked, architecture in automatic if marked == name}
    return foreign in marked if foreign else bool(marked)


def _needs(
    change: Change,
    record: Record,
    named: _Named,
    installed: frozenset[str],
    providers: Mapping[str, str],
) -> tuple[str, ...]:
    needed = {_need(change, clause, named, installed, providers) for clause in record.depends}
    recommended = (
        _need(change, clause, named, installed, providers) for clause in record.recommends
    )
    needed |= {name for name in recommended if name and named[name].action == "install"}
    for relation in record.breaks:
        other = _in_set(change, relation.name, named)
        if other is None or other.from_version is None or other.to_version is None:
            continue
        if relation.holds(other.from_version) and not relation.holds(other.to_version):
            needed.add(other.name)
    return tuple(sorted(name for name in needed if name and name != change.name))


def _need(
    change: Change,
    clause: Clause,
    named: _Named,
    installed: frozenset[str],
    providers: Mapping[str, str],
) -> str | None:
    """The change without which a clause doesn't hold; None where it holds as the host is.

    What stays as it is fits the whole set, so that it is taken to fit a part of it.
    """
    wanted = None
    for relation in clause:
        other = _in_set(change, relation.name, named)
        if other is None:
            if relation.name in installed:
                return None
            wanted = wanted or providers.get(relation.name)
            continue
        if other.from_version is not None and relation.holds(other.from_version):
            return None
        if other.to_version is not None and relation.holds(other.to_version):
            wanted = wanted or other.name
    return wanted


def _in_set(change: Change, name: str, named: _Named) -> Change | None:
    foreign = change.name.partition(":")[2]
    return (named.get(f"{name}:{foreign}") if foreign else None) or named.get(name)
