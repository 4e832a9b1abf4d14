"""Following a change: which servers and resolvers have turned, until the old TTL has passed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.clock import Clock
from engine.dns.change import run_out
from engine.dns.look import ask_all
from engine.dns.values import Answer, Change, Problem, Server, Wire

EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """How far one server is.

    Attributes:
        turned: It answers the new records for every name; None: it gave no answer.
        own: It holds the zone itself; a resolver doesn't.
        since: When it was first seen turned; None again once it answers the old records.
        shown: What it answers, in words.
    """

    server: Server
    turned: bool | None
    own: bool
    serial: int | None
    since: datetime | None
    shown: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a change has spread at one moment.

    Attributes:
        until: When the old TTL will have run out everywhere, UTC; None while a server of the zone
            hands out the old records, or has never been seen with the new ones.
        done: That moment has come.
    """

    at: datetime
    states: tuple[State, ...]
    until: datetime | None
    done: bool

    @property
    def behind(self) -> tuple[State, ...]:
        """The zone's own servers that don't follow, or can't be asked."""
        return tuple(state for state in self.states if state.own and not state.turned)

    @property
    def stale(self) -> tuple[State, ...]:
        """The resolvers that still answer the old records, or can't be asked."""
        return tuple(state for state in self.states if not state.own and not state.turned)


async def follow(
    wire: Wire,
    clock: Clock,
    change: Change,
    servers: Sequence[Server],
    *,
    ttl: int,
    deadline: datetime,
    before: Snapshot | None = None,
    every_s: float = EVERY_S,
) -> AsyncIterator[Snapshot]:
    """A snapshot again and again, until the old TTL has run out everywhere or the deadline comes.

    Args:
        ttl: How long caches may keep what was there (`old_ttl`).
        deadline: UTC; a clock that is set back doesn't lengthen it.
        before: The last snapshot of who followed earlier: what it saw turned stays seen.
    """
    last = clock.monotonic() + (deadline - clock.now()).total_seconds()
    while True:
        before = await snapshot(wire, clock, change, servers, ttl=ttl, before=before)
        yield before
        left = last - clock.monotonic()
        if before.done or left <= 0 or clock.now() >= deadline:
            return
        await clock.sleep(min(every_s, left))


async def snapshot(
    wire: Wire,
    clock: Clock,
    change: Change,
    servers: Sequence[Server],
    *,
    ttl: int,
    before: Snapshot | None = None,
) -> Snapshot:
    """Ask everybody once."""
    answers = await ask_all(wire, clock, change.zone, servers, change.names)
    return judge(change, answers, clock.now(), ttl=ttl, before=before)


def judge(
    change: Change,
    answers: Sequence[Answer],
    at: datetime,
    *,
    ttl: int,
    before: Snapshot | None = None,
) -> Snapshot:
    """How far everybody is, by what was answered. Pure."""
    earlier = {state.server: state for state in before.states} if before is not None else {}
    newest = _newest(answers)
    states = tuple(
        _state(change, server, [a for a in answers if a.server == server], at, earlier, newest)
        for server in dict.fromkeys(answer.server for answer in answers)
    )
    until = run_out((state.since for state in states if state.own), ttl)
    return Snapshot(at, states, until, until is not None and at >= until)


def _newest(answers: Sequence[Answer]) -> int | None:
    """The primary's serial; where it isn't asked, nobody's."""
    serials = (a.serial for a in answers if a.server.role == "primary" and a.serial is not None)
    return next(serials, None)


def _state(
    change: Change,
    server: Server,
    answers: Sequence[Answer],
    at: datetime,
    earlier: dict[Server, State],
    newest: int | None,
) -> State:
    was = earlier.get(server)
    # Without an answer nobody can say whether a watched server holds the zone: as it was before.
    own = server.role != "watched" or any(a.authoritative for a in answers)
    if was is not None and not all(a.answered for a in answers):
        own = was.own
    turned = _turned(change, answers, own)
    since = was.since if was is not None else None
    if turned:
        since = since or at
    elif turned is False:
        since = None
    serial = next((a.serial for a in answers if a.serial is not None), None)
    problem = next((a.problem for a in answers if a.problem is not None), None)
    if turned is False and own and server.role != "primary":
        problem = _lags(server, serial, newest, change.zone)
    shown = "; ".join(dict.fromkeys(a.shown for a in answers))
    return State(server, turned, own, serial, since, shown, problem)


def _turned(change: Change, answers: Sequence[Answer], own: bool) -> bool | None:
    if not answers or not all(answer.answered for answer in answers):
        return None
    by_name = {answer.name: answer for answer in answers}
    for edit in change.edits:
        found = by_name[edit.name].of(edit.type)
        if (found is None) != (edit.new is None):
            return False
        if found is not None and edit.new is not None:
            if found.values != edit.new.values:
                return False
            # What is left of a resolver's TTL tells the old records from new ones only by half.
            if found.ttl > edit.new.ttl or (own and found.ttl != edit.new.ttl):
                return False
    return True


def _lags(server: Server, serial: int | None, newest: int | None, zone: str) -> Problem:
    if serial is not None and newest is not None and serial != newest:
        return Problem(
            "lags",
            f"{server.shown} does not follow: it has serial {serial} of {zone}, the primary "
            f"{newest}",
            "Do NOTIFY and the transfer (TCP, allow-transfer with its key) reach it? Its log says "
            "why; `rndc refresh` there asks again.",
        )
    return Problem(
        "differs",
        f"{server.shown} answers other records than planned"
        + (f" with the primary's serial {serial} of {zone}" if serial == newest else ""),
        "Has somebody changed them again, or does it serve another view of the zone?",
    )
