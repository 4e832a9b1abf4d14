"""Numbers of users and groups that mean somebody else on the successor. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.preflight.values import Accounts, Owner


def account_conflicts(old: Accounts, new: Accounts, owners: Iterable[Owner]) -> tuple[str, ...]:
    """Numbers in the volumes that are another's on the successor, or whose name has another there.

    A sync keeps numbers (``--numeric-ids``), as names can't be looked up for what has none. What
    has no name on server1 can't be wrong on the successor, except that it becomes somebody's.
    """
    found = tuple(owners)
    users = {owner.uid for owner in found}
    groups = {owner.gid for owner in found}
    return (
        *_conflicts("user", "uid", dict(old.users), dict(new.users), users),
        *_conflicts("group", "gid", dict(old.groups), dict(new.groups), groups),
    )


def _conflicts(
    what: str, number: str, old: Mapping[int, str], new: Mapping[int, str], used: set[int]
) -> Iterator[str]:
    numbers = {name: n for n, name in new.items()}
    for n in sorted(used):
        was, would_be = old.get(n), new.get(n)
        if was is not None and was == would_be:
            continue
        if would_be is not None:
            yield (
                f"{number} {n} owns data and is {was or 'nobody'} on server1, but the {what} "
                f"{would_be} on the successor"
            )
        elif was is not None and was in numbers:
            yield (
                f"the {what} {was} owns data and has {number} {n} on server1, but "
                f"{numbers[was]} on the successor"
            )
        elif was is not None:
            yield f"the {what} {was} ({number} {n}) owns data and isn't there on the successor"
