"""Parts of ``upgrade`` that are offered on an apt host, and those that a person picks."""

from __future__ import annotations

from engine.families.apt import subset as rules
from engine.families.apt.candidates import candidates, part_of_upgrade
from engine.families.apt.subset import Subset
from engine.families.traits import Trait, has_trait
from engine.model.candidate import Candidate
from engine.model.facts import Change, Facts, Transaction
from engine.model.host import Host

_LEFT_OUT: tuple[tuple[Trait, ...], ...] = (
    ("container-runtime",),
    ("kernel", "kernel-headers"),
)
"""What people like to leave for another day, each by the traits of its packages."""


def with_subsets(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    """The candidates, and the parts of ``upgrade`` that make sense here."""
    whole = _whole(facts)
    found = candidates(host, facts)
    if whole is None:
        return found
    return (*found, *(_candidate(host, facts, whole, one) for one in offered(host, whole)))


def picked(host: Host, facts: Facts, candidate: str) -> Candidate | None:
    """The part of ``upgrade`` that an id names; None where the id is no subset's.

    Raises:
        InputError: it isn't well-formed, or names a source that isn't in the set.
    """
    if not rules.is_subset(candidate):
        return None
    subset = rules.parse(candidate)
    whole = _whole(facts)
    if whole is not None:
        return _candidate(host, facts, whole, subset)
    upgrade = next(c for c in candidates(host, facts) if c.id == rules.WHOLE)
    return Candidate(
        id=subset.id,
        kind="upgrade",
        title=f"apt {subset.id}",
        changes=None,
        blockers=upgrade.blockers,
        subset=subset.name,
    )


def offered(host: Host, whole: Transaction) -> tuple[Subset, ...]:
    """The subsets that ``status`` names by itself, each different from the whole and not empty.

    None where it isn't known what its parts need of each other: each would be blocked.
    """
    if whole.parts is None:
        return ()
    found = [rules.security()]
    excluded = [s for s in rules.sources_of(whole.changes) if s in host.exclude]
    groups = [excluded]
    for traits in _LEFT_OUT:
        group = [c for c in whole.changes if any(has_trait(c.name, trait) for trait in traits)]
        groups.append([*excluded, *rules.sources_of(group)] if group else [])
    found += [rules.without(rules.dependents(whole, sources)) for sources in groups if sources]
    seen: set[tuple[Change, ...]] = {(), whole.changes}
    kept = []
    for one in found:
        changes = rules.part_of(whole, one, host.exclude).changes
        if changes not in seen:
            seen.add(changes)
            kept.append(one)
    return tuple(kept)


def _whole(facts: Facts) -> Transaction | None:
    transaction = facts.packages.transaction(rules.WHOLE) if facts.packages else None
    return None if transaction is None or transaction.error else transaction


def _candidate(host: Host, facts: Facts, whole: Transaction, one: Subset) -> Candidate:
    part = rules.part_of(whole, one, host.exclude)
    return part_of_upgrade(host, facts, one, part, rules.obstacles(host.name, whole, part))
