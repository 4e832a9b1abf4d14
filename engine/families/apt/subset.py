"""A part of ``upgrade`` by source packages: its id, and which changes it takes.

``upgrade:security``, ``upgrade:without=SRC[,SRC...]`` and ``upgrade:only=SRC[,SRC...]``. Which new
packages come along, and what can't be had alone, follows from what the versions need of each
other (`engine.model.facts.Part`); nothing is simulated for it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from engine.errors import InputError
from engine.model.candidate import Blocker
from engine.model.facts import Change, Transaction

Way = Literal["security", "without", "only"]
WHOLE: Literal["upgrade"] = "upgrade"
_SOURCE = re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII)
_LONGEST = 2_000
_FORMS = (
    "upgrade:security, upgrade:without=SOURCE[,SOURCE...] or upgrade:only=SOURCE[,SOURCE...], "
    "with names of source packages"
)


@dataclass(frozen=True, slots=True)
class Subset:
    """Which part of ``upgrade``; the sources are sorted, each once."""

    way: Way
    sources: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What follows the colon of the id."""
        return f"{self.way}={','.join(self.sources)}" if self.sources else self.way

    @property
    def id(self) -> str:
        """The candidate's id."""
        return f"{WHOLE}:{self.name}"


def security() -> Subset:
    """What comes from a security archive."""
    return Subset("security")


def without(sources: Iterable[str]) -> Subset:
    """All but these sources."""
    return Subset("without", tuple(sorted(set(sources))))


def only(sources: Iterable[str]) -> Subset:
    """These sources alone."""
    return Subset("only", tuple(sorted(set(sources))))


def is_subset(candidate: str) -> bool:
    """Whether an id has the colon that only subsets have."""
    return ":" in candidate


def parse(candidate: str) -> Subset:
    """The subset of an id; its order of names doesn't matter.

    Raises:
        InputError: it isn't well-formed.
    """
    kind, _, name = candidate.partition(":")
    way, equals, listed = name.partition("=")
    if kind == WHOLE and name == "security":
        return security()
    names = listed.split(",")
    well_formed = (
        kind == WHOLE
        and way in ("without", "only")
        and bool(equals)
        and len(candidate) <= _LONGEST
        and all(_SOURCE.fullmatch(source) for source in names)
    )
    if not well_formed:
        raise InputError(
            f"'{candidate[:200]}' is no candidate: a part of an upgrade is {_FORMS}.",
            hint="For example: upgrade:only=openssl",
        )
    return without(names) if way == "without" else only(names)


def source_of(change: Change) -> str:
    """The source package; the binary's own name where that isn't known."""
    return change.source or change.name.partition(":")[0]


def sources_of(changes: Iterable[Change]) -> tuple[str, ...]:
    """The source packages of some changes, sorted, each once."""
    return tuple(sorted({source_of(change) for change in changes}))


def taken(whole: Transaction, subset: Subset, exclude: Collection[str] = ()) -> tuple[str, ...]:
    """The sources that a subset takes of the whole set.

    Args:
        exclude: Sources that the inventory excludes; only a hand-picked set names them anyway.

    Raises:
        InputError: it names a source that the whole set doesn't hold.
    """
    every = sources_of(whole.changes)
    for source in subset.sources:
        if source not in every:
            raise _unknown(source, whole)
    match subset.way:
        case "security":
            secure = sources_of(change for change in whole.changes if change.security)
            return tuple(source for source in secure if source not in exclude)
        case "without":
            left_out = {*subset.sources, *exclude}
            return tuple(source for source in every if source not in left_out)
        case "only":
            return subset.sources


def _unknown(source: str, whole: Transaction) -> InputError:
    every = sources_of(whole.changes)
    binary = next((c for c in whole.changes if c.name.partition(":")[0] == source), None)
    near = [source_of(binary)] if binary else difflib.get_close_matches(source, every, n=1)
    meant = f" Did you mean '{near[0]}'?" if near else ""
    shown = ", ".join(every[:20]) + (" and more" if len(every) > 20 else "")
    return InputError(
        f"The upgrade holds nothing of a source package '{source}'.{meant}",
        hint=f"It holds: {shown}." if every else "It would change nothing.",
    )


def part_of(whole: Transaction, subset: Subset, exclude: Collection[str] = ()) -> Transaction:
    """The changes of a subset, with the bytes to download where they are known.

    Raises:
        InputError: it names a source that the whole set doesn't hold.
    """
    sources = frozenset(taken(whole, subset, exclude))
    changes = tuple(change for change in whole.changes if source_of(change) in sources)
    names = {change.name for change in changes}
    parts = whole.parts
    return replace(
        whole,
        changes=changes,
        download_bytes=_download(whole, names),
        disk_bytes=whole.disk_bytes if changes == whole.changes else None,
        parts=None if parts is None else tuple(part for part in parts if part.name in names),
        left=tuple(left for left in whole.left if left.source in sources),
    )


def _download(whole: Transaction, names: Collection[str]) -> int | None:
    """Exact where nothing of the whole set lies in apt's cache yet; else it isn't known."""
    sizes = {part.name: part.download_bytes for part in whole.parts or ()}
    known = [size for size in sizes.values() if size is not None]
    if len(known) < len(whole.changes) or sum(known) != whole.download_bytes:
        return None
    return sum(size for name, size in sizes.items() if size is not None and name in names)


def dependents(whole: Transaction, sources: Iterable[str]) -> tuple[str, ...]:
    """These sources with those that can't be taken without them."""
    by_name = {change.name: source_of(change) for change in whole.changes}
    found = set(sources)
    growing = True
    while growing:
        more = {
            by_name[part.name]
            for part in whole.parts or ()
            if part.name in by_name and any(by_name.get(need) in found for need in part.needs)
        }
        growing = not more <= found
        found |= more
    return tuple(sorted(found))


def obstacles(host: str, whole: Transaction, part: Transaction) -> tuple[Blocker, ...]:
    """Why a part can't be had alone: what it would split, and what it needs of the rest."""
    if not part.changes:
        return ()
    plan = f"hostshift plan {host}"
    found = [_split(host, left.source, left.name, left.why) for left in part.left]
    if part.parts is None:
        found.append(
            Blocker(
                "not-separable",
                "What these versions need of each other could not be read, so that it isn't known "
                "whether this part of the upgrade can be had alone.",
                f"{plan} {WHOLE}",
            )
        )
        return tuple(found)
    names = {change.name for change in part.changes}
    by_name = {change.name: change for change in whole.changes}
    sources = sources_of(part.changes)
    for needing in part.parts:
        for need in needing.needs:
            if need not in names and need in by_name:
                source = source_of(by_name[need])
                found.append(
                    Blocker(
                        "not-separable",
                        f"{needing.name} {by_name[needing.name].to_version} needs {need} "
                        f"{by_name[need].to_version} of the source package {source}, which this "
                        "part of the upgrade leaves out.",
                        f"{plan} {only((*sources, source)).id}",
                    )
                )
    found += _comes_with_others(plan, whole, part)
    return tuple(found)


def _split(host: str, source: str, name: str, why: str) -> Blocker:
    remedy = f"hostshift plan {host} dist-upgrade"
    if why == "held":
        remedy = f"hostshift plan {host} unhold:{name}\n# by hand: apt-mark unhold {name}"
    return Blocker(
        "split-source",
        f"The source package {source} would be split: its package {name} stays as it is ({why}).",
        remedy,
    )


def _comes_with_others(plan: str, whole: Transaction, part: Transaction) -> list[Blocker]:
    """New packages of these sources that nothing in the part brings in."""
    needs = {p.name: p.needs for p in part.parts or ()}
    reached = {c.name for c in part.changes if c.action != "install"}
    waiting = list(reached)
    while waiting:
        more = set(needs.get(waiting.pop(), ())) - reached
        reached |= more
        waiting += more
    sources = sources_of(part.changes)
    by_name = {change.name: change for change in whole.changes}
    found = []
    for change in part.changes:
        if change.name in reached:
            continue
        with_it = [p.name for p in whole.parts or () if change.name in p.needs]
        others = {source_of(by_name[name]) for name in with_it if name in by_name}
        found.append(
            Blocker(
                "not-separable",
                f"{change.name} is new and comes only with {', '.join(with_it) or 'the whole'}, "
                "which this part of the upgrade leaves out.",
                f"{plan} {only((*sources, *others)).id}" if others else f"{plan} {WHOLE}",
            )
        )
    return found


def selection(part: Transaction) -> tuple[str, ...]:
    """apt-get's command for a part: by names and versions, new packages only as dependencies."""
    named = (f"{c.name}={c.to_version}" for c in part.changes if c.action == "upgrade")
    return ("--only-upgrade", "install", *sorted(named))


def automatic(part: Transaction) -> tuple[str, ...]:
    """Names whose mark as automatically installed must be set again.

    apt takes it from packages that are named to it and that nothing needs any more (seen with
    apt 2.6.1), also with --only-upgrade.
    """
    marked = {p.name for p in part.parts or () if p.automatic}
    return tuple(sorted(c.name for c in part.changes if c.action == "upgrade" and c.name in marked))
