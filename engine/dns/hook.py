"""Zones that a command of the inventory changes: what it is told, and what its end means. Pure.

The running is the caller's (`engine.scripts`), the verification is that of every change: `look`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.dns.carry_out import Outcome
from engine.dns.change import decide
from engine.dns.values import Answer, Change, Problem, Records

SCHEMA: Final = 1
_HINT: Final = "Its log says more. It may be run again: it must find out what is left to do."


def event(change: Change) -> dict[str, Any]:
    """What a zone's command reads as JSON on standard input, in the shape of docs/dns.md."""
    return {
        "schema": SCHEMA,
        "event": "dns",
        "zone": change.zone,
        "changes": [
            {
                "name": edit.name,
                "type": edit.type,
                "old": _records(edit.old),
                "new": _records(edit.new),
            }
            for edit in change.edits
        ],
    }


def environment(change: Change) -> dict[str, str]:
    """The variables that a zone's command has beside those of every script."""
    return {"HOSTSHIFT_ZONE": change.zone}


def _records(found: Records | None) -> dict[str, Any] | None:
    return None if found is None else {"ttl": found.ttl, "values": list(found.values)}


def judge(change: Change, exit_status: int | None, now: Sequence[Answer]) -> Outcome:
    """What became of a change that a command was to make, by what the name servers say.

    Args:
        exit_status: None where the command left none.
        now: `look` at the change's names after it.
    """
    seen = decide(change, now)
    answers = tuple(now)
    if seen.what == "done":
        return Outcome("changed", None, None, seen.there, answers)
    there = "; ".join(seen.there)
    if exit_status == 0:
        problem = Problem(
            "not-seen",
            f"the command has ended well, and the name servers don't all have the change: {there}",
            "Providers take a while to publish: follow it. If it stays so, look at its log.",
        )
        return Outcome("unknown", None, problem, seen.there, answers)
    how = f"ended with exit status {exit_status}" if exit_status is not None else "left no result"
    problem = Problem("command", f"the command {how}; there now: {there}", _HINT)
    return Outcome("unknown", None, problem, seen.there, answers)
