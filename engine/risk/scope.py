"""What a candidate's set of changes is made of, as far as the risk asks: one walk over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from engine.families.traits import Trait, traits_of
from engine.model.facts import Change, Update

_UPSTREAM = re.compile(r"(?:\d+:)?(.*?)(?:-[^-]*)?", re.DOTALL)
_LEADING = re.compile(r"\d{1,9}", re.ASCII)
_YEAR = 1900
"""First numbers from here on are dates (``2025b``, ``20230311``), and no major versions."""
CORE = 1
"""Of a binary: it belongs to boot, network or what everything stands on."""
KERNEL = 2
"""Of a binary: it is a kernel's. A source package has one bit for each combination in it."""


def named(names: Iterable[str], shown: int = 5) -> str:
    """A few names and how many more there are."""
    ordered = sorted(set(names))
    more = len(ordered) - shown
    return ", ".join(ordered[:shown]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of changes, sorted by what it means.

    Attributes:
        known: Whether this is all that would change; False for trees that were not compared.
        names: Every package, each once.
        traits: The packages of each sort, whether they come or go.
        coming: As `traits`, without what is removed.
        sources: By source package what its binaries are, bits of `CORE` and `KERNEL`; a binary's
            own name where the source isn't known.
    """

    known: bool
    names: frozenset[str]
    traits: Mapping[Trait, list[str]]
    coming: Mapping[Trait, list[str]]
    removed: list[str]
    downgraded: list[str]
    foreign: list[str]
    nameless: list[str]
    majors: list[str]
    database_majors: list[str]
    new_libc: bool
    sources: Mapping[str, int]

    def has(self, trait: Trait) -> list[str]:
        """The packages of a sort."""
        return self.traits.get(trait) or []


def scope(changes: Iterable[Change], own: str | None, *, known: bool) -> Scope:
    """Walk over the changes: a fleet has hundreds of thousands of them, so only once.

    Args:
        own: The os-release id of the host, whose own distribution's packages are no third party's.
    """
    names: set[str] = set()
    traits: dict[Trait, list[str]] = {}
    coming: dict[Trait, list[str]] = {}
    removed: list[str] = []
    downgraded: list[str] = []
    foreign: list[str] = []
    nameless: list[str] = []
    majors: list[str] = []
    database_majors: list[str] = []
    sources: dict[str, int] = {}
    new_libc, usual = False, ""
    for change in changes:
        name, action = change.name, change.action
        names.add(name)
        plain, sorts, bits = _about(name)
        for sort in sorts:
            traits.setdefault(sort, []).append(name)
        if action == "remove":
            removed.append(name)
            continue
        for sort in sorts:
            coming.setdefault(sort, []).append(name)
        source = change.source or plain
        sources[source] = sources.get(source, 0) | bits
        origin = change.origin
        if not origin:
            nameless.append(name)
        elif origin != usual:
            if of_distribution(origin, own):
                usual = origin
            else:
                foreign.append(name)
        if action == "downgrade":
            downgraded.append(name)
        old, new = change.from_version, change.to_version
        is_major, is_upstream = _differ(old, new)
        if is_major:
            majors.append(name)
        if "database" in sorts and (is_major or (action == "install" and _numbered(plain))):
            database_majors.append(name)
        new_libc = new_libc or (is_upstream and plain == "libc6")
    return Scope(
        known, frozenset(names), traits, coming, removed, downgraded, foreign, nameless, majors,
        database_majors, new_libc, sources,
    )  # fmt: skip


@lru_cache(maxsize=16_384)
def _about(name: str) -> tuple[str, frozenset[Trait], int]:
    """A package's name without architecture, its sorts, and what it is to its source package."""
    plain = name.partition(":")[0]
    sorts = traits_of(plain)
    kernel = "kernel" in sorts or plain.startswith(("linux-", "proxmox-kernel", "pve-kernel"))
    core = not sorts.isdisjoint(("boot", "core", "network", "kernel"))
    return plain, sorts, 1 << (kernel * KERNEL | core * CORE)


def _numbered(name: str) -> bool:
    """Whether a name holds its major version, so that a new package is another one."""
    return any(character.isdigit() for character in name)


@lru_cache(maxsize=16_384)
def _differ(old: str | None, new: str | None) -> tuple[bool, bool]:
    """Whether the major version differs, and whether anything before the revision does."""
    if old is None or new is None:
        return False, False
    return major(old) != major(new), _upstream(old) != _upstream(new)


def _upstream(version: str) -> str:
    """A version without epoch and revision (deb-version(7))."""
    found = _UPSTREAM.fullmatch(version)
    return found[1] if found else version


def major(version: str) -> str | None:
    """The first number of the upstream version, where it counts major versions."""
    found = _LEADING.match(_upstream(version))
    if found is None or int(found[0]) >= _YEAR:
        return None
    return found[0]


@lru_cache(maxsize=4_096)  # a fleet has a few dozen origins and asks for each package
def of_distribution(origin: str, system_id: str | None) -> bool:
    """Whether one of the origins, as apt names them, is the host's own distribution.

    ``LABEL:VERSION/SUITE``, several with commas (apt's ``pkgcache.cc``, ``RelStr``); the labels of
    Debian and Ubuntu begin with their names (``Debian-Security``, ``UbuntuESMApps``).
    """
    own = {"debian", "ubuntu", "raspbian", "raspberry pi foundation", system_id or "debian"}
    labels = [part.strip().partition(":")[0].casefold() for part in origin.split(",")]
    return any(label == name or label.startswith(name) for label in labels for name in own)


def known_updates(updates: Sequence[Update]) -> Mapping[str, Update]:
    """What is known by source package; of several updates of one, that with the most CVEs."""
    if not updates:
        return {}
    ordered = sorted(updates, key=lambda u: (u.cves or 0, u.published or date.min))
    return {update.source: update for update in ordered}
