"""Carrying a change out: look, one message if it is needed, look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.clock import Clock
from engine.dns.change import Decision, decide
from engine.dns.look import ask_all
from engine.dns.servers import primary_of
from engine.dns.values import Answer, Change, Key, Problem, Sent, Server, Wire
from engine.inventory.value import Zone

Ending = Literal["nothing-to-do", "changed", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change.

    Attributes:
        ending: ``nothing-to-do``: it was there already. ``changed``: read back at the primary.
            ``refused``: nothing was changed. ``unknown``: nobody can say now whether it was
            carried out; the same change may be carried out again without harm.
        rcode: The server's answer to the update; None where none was sent or answered.
        there: What was there before anything was sent, in words, one for each edit.
        now: What the primary says at the end.
    """

    ending: Ending
    rcode: str | None = None
    problem: Problem | None = None
    there: tuple[str, ...] = ()
    now: tuple[Answer, ...] = ()

    @property
    def serial(self) -> int | None:
        """The zone's serial at the primary, at the end."""
        return next((a.serial for a in self.now if a.serial is not None), None)


async def carry_out(
    wire: Wire, clock: Clock, zone: Zone, change: Change, key: Key | None
) -> Outcome:
    """Carry a change out at the zone's primary; doing it again is harmless.

    Raises:
        ReadOnlyError: this hostshift is read-only, and there is something to change.
    """
    primary = await primary_of(wire, zone)
    if isinstance(primary, Problem):
        return Outcome("unknown" if zone.server else "refused", problem=primary)
    before = await _look(wire, clock, primary, change)
    decision = decide(change, before)
    if decision.update is None:
        return not_sent(decision, before)
    sent = await wire.update(primary, decision.update, key)
    if sent.arrived is False:
        return Outcome("refused", None, sent.problem, decision.there, before)
    after = await _look(wire, clock, primary, change)
    return judge(decision, sent, decide(change, after), after)


async def _look(wire: Wire, clock: Clock, primary: Server, change: Change) -> tuple[Answer, ...]:
    kinds = tuple(dict.fromkeys(e.type for e in change.edits))
    return await ask_all(wire, clock, change.zone, [primary], change.names, kinds)


def not_sent(decision: Decision, before: Sequence[Answer]) -> Outcome:
    """Why nothing was sent. Pure."""
    there = decision.there
    if decision.what == "done":
        return Outcome("nothing-to-do", there=there, now=tuple(before))
    if decision.what == "refused":
        problem: Problem | None = Problem(
            "other-value",
            "something else is there than the change was planned from; nothing was changed: "
            + "; ".join(there),
            "Somebody else changed it. Look at what is there, and plan again.",
        )
    else:
        problem = next((a.problem for a in before if a.problem is not None), None)
    return Outcome("refused", None, problem, there, tuple(before))


def judge(decision: Decision, sent: Sent, after: Decision, now: Sequence[Answer]) -> Outcome:
    """What a message that was sent has done, from its answer and what is there afterwards. Pure.

    What is there counts for more than the answer: one that was lost may stand for a change that
    was made, and servers answer NOERROR to what they leave out (RFC 2136 section 3.4.2.2).
    """
    there, found = decision.there, tuple(now)
    refused = sent.arrived and sent.rcode != "NOERROR"
    if after.what == "done":  # by somebody else, where ours was refused
        return Outcome("nothing-to-do" if refused else "changed", sent.rcode, None, there, found)
    if refused and sent.problem is not None:
        problem = sent.problem
        if problem.kind == "race" and after.what == "send":
            problem = Problem(
                "wildcard",
                f"the server doesn't have the records that it answers: {'; '.join(after.there)}",
                "A wildcard answers for the name: give the name records of its own first. Or this "
                "machine is shown another view of the zone than the key is.",
            )
        elif problem.kind == "race":
            problem = Problem(
                problem.kind,
                f"{problem.message}; there now: {'; '.join(after.there)}",
                problem.hint,
            )
        ending: Ending = (
            "unknown" if sent.rcode == "SERVFAIL" and after.what != "send" else "refused"
        )
        return Outcome(ending, sent.rcode, problem, there, found)
    if sent.problem is not None:  # nobody knows whether it arrived
        seen = "; ".join(after.there)
        problem = Problem(
            sent.problem.kind, f"{sent.problem.message}; there now: {seen}", sent.problem.hint
        )
        return Outcome("unknown", sent.rcode, problem, there, found)
    if after.what == "unknown":
        problem = next(
            (a.problem for a in now if a.problem is not None),
            Problem("unread", "the update was taken, and can't be read back", "Look again."),
        )
        return Outcome("unknown", sent.rcode, problem, there, found)
    return Outcome(
        "unknown",
        sent.rcode,
        Problem(
            "not-applied",
            "the server answered NOERROR, and the records are not as planned: "
            + "; ".join(after.there),
            "Is there another record at the name that forbids it (a CNAME stands alone), has "
            "somebody changed it again, or is this machine shown another view of the zone? Look.",
        ),
        there,
        found,
    )
