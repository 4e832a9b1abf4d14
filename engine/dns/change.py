"""A change of a zone as a plan, and what is to be done about it with what is there now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from engine.dns import names
from engine.dns.values import ADDRESSES, Answer, Change, Edit, Records, Type, Update, listed
from engine.errors import InputError, RefusedError

CACHES_ROUND_S: Final = 1
"""Caches count in whole seconds: a record is still given out, with TTL 0, in the one it ends in."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from what is there.

    Attributes:
        what: ``done``: all is as planned, nothing to do. ``send``: the update. ``refused``:
            something else is there than the plan started from. ``unknown``: nobody can say what is.
        there: What is there for each edit, in the edits' order; in words, for people.
    """

    what: Literal["done", "send", "refused", "unknown"]
    update: Update | None = None
    there: tuple[str, ...] = ()


def change(zone: str, edits: Iterable[Edit]) -> Change:
    """A change of one zone.

    Raises:
        InputError: it is empty, contradicts itself, or a name lies outside the zone.
    """
    found = tuple(edits)
    if not found:
        raise InputError(f"A change of {zone} without an edit.", hint="Name at least one record.")
    seen: set[tuple[str, Type]] = set()
    for edit in found:
        if not names.lies_in(edit.name, zone):
            raise InputError(
                f"{edit.name} does not lie in the zone {zone}.",
                hint="Each zone is changed by an update of its own.",
            )
        for side in (edit.old, edit.new):
            if side is not None and (side.name, side.type) != (edit.name, edit.type):
                raise InputError(
                    f"An edit of {edit.name} {edit.type} with records of {side.name} {side.type}.",
                    hint="An edit is about one name and one type.",
                )
        if (edit.name, edit.type) in seen or (edit.old is None and edit.new is None):
            raise InputError(
                f"{edit.name} {edit.type} stands in the change twice, or with nothing to do.",
                hint="One edit for one name and type, with an old or a new value.",
            )
        seen.add((edit.name, edit.type))
    return Change(zone, found)


def edit(name: str, kind: Type, old: Records | None, new: Records | None) -> Edit:
    """One edit; ``None`` is no such RRset."""
    return Edit(names.name_of(name), kind, old, new)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a name shall lead.

    Attributes:
        addresses: IPv4 and IPv6, for names with A and AAAA records.
        name: For names with a CNAME record; None: its host has no DNS name.
    """

    addresses: tuple[str, ...]
    name: str | None = None


def point(current: Answer, target: Target, ttl: int | None = None) -> tuple[Edit, ...]:
    """The edits that let a name lead to a target, from what its primary says now.

    A CNAME stays one, and addresses stay addresses. An address family that the target doesn't have
    is taken out: a name that leads half to the old host is worse than one family less. Edits that
    would change nothing are left out.

    Args:
        ttl: Of the new records; as the old ones' where it isn't given, 300 where there are none.

    Raises:
        InputError: the target has nothing of what the name needs.
        RefusedError: the primary's answer can't be counted on.
    """
    _must_be_known(current)
    if (alias := current.of("CNAME")) is not None:
        if target.name is None:
            raise InputError(
                f"{current.name} is a CNAME, and its new host has no DNS name.",
                hint="Give the successor a DNS name, or make the name's records addresses first.",
            )
        kinds: list[tuple[Type, tuple[str, ...], Records | None]]
        kinds = [("CNAME", (target.name,), alias)]
    else:
        kinds = [
            (
                kind,
                tuple(a for a in target.addresses if (":" in a) == (kind == "AAAA")),
                current.of(kind),
            )
            for kind in ADDRESSES
        ]
        if not any(values for _, values, _ in kinds):
            raise InputError(
                f"There is no address that {current.name} could lead to.",
                hint="The successor needs an address before names can lead to it.",
            )
    used = [found.ttl for _, _, found in kinds if found is not None]
    seconds = ttl if ttl is not None else min(used, default=300)
    edits = []
    for kind, values, old in kinds:
        new = names.records(current.name, kind, values, seconds) if values else None
        if old != new:
            edits.append(Edit(current.name, kind, old, new))
    return tuple(edits)


def lower_ttl(current: Answer, ttl: int) -> tuple[Edit, ...]:
    """The edits that give a name's records a TTL of at most so many seconds; none: they have.

    Raises:
        RefusedError: the primary's answer can't be counted on.
    """
    _must_be_known(current)
    return tuple(
        Edit(found.name, found.type, found, replace(found, ttl=ttl))
        for found in current.records
        if found.ttl > ttl
    )


def _must_be_known(current: Answer) -> None:
    if not current.answered:
        hint = current.problem.hint if current.problem is not None else "Ask again."
        raise RefusedError(f"{current.name} can't be planned: {current.shown}.", hint=hint)


def backwards(done: Change) -> Change:
    """The change that takes another one back."""
    return Change(done.zone, tuple(Edit(e.name, e.type, e.new, e.old) for e in done.edits))


def old_ttl(planned: Change, negative_ttl: int | None = None) -> int:
    """For how many seconds caches may keep what was there before.

    Args:
        negative_ttl: For how long they may remember that there was nothing (`Answer.negative_ttl`);
            a day where nobody could say.
    """
    nothing = 86_400 if negative_ttl is None else negative_ttl
    return max(e.old.ttl if e.old is not None else nothing for e in planned.edits)


def run_out(turned_at: Iterable[datetime | None], ttl: int) -> datetime | None:
    """When the old TTL has run out everywhere.

    Args:
        turned_at: When each of the zone's own servers was first seen with the new records; a
            cache may have been filled from the last one the moment before. None: not yet.

    Returns:
        A UTC time; None while a server still hands out the old records.
    """
    moments = list(turned_at)
    known = [moment for moment in moments if moment is not None]
    if not known or len(known) < len(moments):
        return None
    return max(known) + timedelta(seconds=ttl + CACHES_ROUND_S)


def truth(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Whose word counts on what is there: the primary's; without one, all of the NS set's."""
    primary = [a for a in answers if a.server.role == "primary"]
    return tuple(primary or listed(answers))


def decide(planned: Change, answers: Sequence[Answer]) -> Decision:
    """What to do about a change, with what was just answered for its names.

    An edit whose new values are there already only keeps its place among the prerequisites, so a
    change that was half made by somebody is completed, and one that was made is left alone.
    """
    there = {e: _there(e, answers) for e in planned.edits}
    shown = tuple(f"{e.name} {e.type}: {_shown(e, there[e], answers)}" for e in planned.edits)
    if None in there.values():
        return Decision("unknown", None, shown)
    made = {e: _is(e.new, there[e], ttl=True) for e in planned.edits}
    if all(made.values()):
        return Decision("done", None, shown)
    present: list[Records] = []
    absent: list[tuple[str, Type]] = []
    rest = []
    for e in planned.edits:
        for side in (e.new, e.old) if made[e] else (e.old, e.new):
            if _is(side, there[e], ttl=False):
                break
        else:
            return Decision("refused", None, shown)
        if side is None:
            absent.append((e.name, e.type))
        else:
            present.append(side)
        if not made[e]:
            rest.append(e)
    return Decision(
        "send",
        Update(
            planned.zone,
            tuple(present),
            tuple(absent),
            tuple((e.name, e.type) for e in rest if not _is(None, there[e], ttl=False)),
            tuple(e.new for e in rest if e.new is not None),
        ),
        shown,
    )


_There = tuple[Records | None, ...]


def _there(e: Edit, answers: Sequence[Answer]) -> _There | None:
    """What each whose word counts says of an edit's RRset; None: one of them can't say."""
    said = truth([answer for answer in answers if answer.name == e.name])
    if not said or not all(answer.answered for answer in said):
        return None
    return tuple(answer.of(e.type) for answer in said)


def _is(side: Records | None, there: _There | None, *, ttl: bool) -> bool:
    """Whether all say the same, and that it is this side; TTLs can't be a prerequisite."""
    for found in there or ():
        if found is None or side is None:
            if found is not side:
                return False
        elif found.values != side.values or (ttl and found.ttl != side.ttl):
            return False
    return bool(there)


def _shown(e: Edit, there: _There | None, answers: Sequence[Answer]) -> str:
    if there is None:
        return "nobody can say"
    words = [found.shown if found is not None else "none" for found in there]
    # A CNAME stands alone (RFC 1034 section 3.6.2), so it explains why nothing else is there.
    alias = next((c for a in answers if a.name == e.name and (c := a.of("CNAME"))), None)
    beside = f", but {alias.shown}" if alias is not None and e.type != "CNAME" else ""
    return " or ".join(dict.fromkeys(words)) + beside
