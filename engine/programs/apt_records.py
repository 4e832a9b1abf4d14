"""``apt-cache show``: what versions depend on; and apt's ``extended_states``.

Relations: Debian Policy 7.1. Of ``A | B`` either is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.programs.debian_version import DebianVersion
from engine.programs.lines import cleaned_lines, whole_number

_RELATION = re.compile(
    r"([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?(?:\s*\((<<|<=|=|>=|>>)\s*([^)\s]+)\))?"
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A package, and of which versions."""

    name: str
    operator: str | None = None
    version: str | None = None

    def holds(self, version: str) -> bool:
        """Whether this version of the package is one of those."""
        if self.operator is None or self.version is None:
            return True
        have, want = DebianVersion(version), DebianVersion(self.version)
        return {
            "<<": have < want,
            "<=": have <= want,
            "=": have == want,
            ">=": have >= want,
            ">>": have > want,
        }[self.operator]


Clause = tuple[Relation, ...]
"""Alternatives, the preferred one first."""


@dataclass(frozen=True, slots=True)
class Record:
    """One version of a binary package, as the lists tell it."""

    name: str
    version: str
    architecture: str
    source: str
    depends: tuple[Clause, ...] = ()
    recommends: tuple[Clause, ...] = ()
    breaks: tuple[Relation, ...] = ()
    provides: tuple[str, ...] = ()
    size: int | None = None


def parse(output: bytes) -> tuple[Record, ...]:
    """The records in their order; those without name, version or architecture are left out."""
    return tuple(found for fields in _stanzas(output) if (found := _record(fields)) is not None)


def automatic(output: bytes) -> frozenset[tuple[str, str]]:
    """Name and architecture of what is marked as installed automatically."""
    return frozenset(
        (fields["Package"], fields.get("Architecture", ""))
        for fields in _stanzas(output)
        if "Package" in fields and fields.get("Auto-Installed") == "1"
    )


def _stanzas(output: bytes) -> Iterator[dict[str, str]]:
    # "Package" is the first field of a stanza, in apt's records and in its extended_states.
    fields: dict[str, str] = {}
    for line in cleaned_lines(output):
        key, colon, value = line.partition(": ")
        if key == "Package" and fields:
            yield fields
            fields = {}
        if colon:
            fields[key] = value.strip()
    if fields:
        yield fields


def _record(fields: dict[str, str]) -> Record | None:
    name, version = fields.get("Package"), fields.get("Version")
    architecture = fields.get("Architecture")
    if not name or not version or not architecture:
        return None
    return Record(
        name=name,
        version=version,
        architecture=architecture,
        # "Source: NAME (VERSION)" where the versions differ; no field where the names are the same.
        source=fields.get("Source", name).partition(" ")[0],
        depends=(*_clauses(fields.get("Pre-Depends")), *_clauses(fields.get("Depends"))),
        recommends=_clauses(fields.get("Recommends")),
        breaks=tuple(
            relation
            for key in ("Breaks", "Conflicts")
            for clause in _clauses(fields.get(key))
            for relation in clause
        ),
        provides=tuple(r.name for clause in _clauses(fields.get("Provides")) for r in clause),
        size=whole_number(fields.get("Size"), 2**45),
    )


def _clauses(text: str | None) -> tuple[Clause, ...]:
    found = []
    for part in (text or "").split(","):
        matches = (_RELATION.match(word.strip()) for word in part.split("|"))
        clause = tuple(Relation(m[1], m[3], m[4]) for m in matches if m is not None)
        if clause:
            found.append(clause)
    return tuple(found)
