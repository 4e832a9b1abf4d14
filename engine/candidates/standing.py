"""How a host stands, in the few words that a list of hosts has room for; for both faces."""

from __future__ import annotations

from engine.candidates.blockers import REPAIRS, WAITS_FOR_A_LOOK
from engine.model.candidate import Blocker, Candidate, Foresight

OWN_RUN = "hostshift-run"
"""The blocker of a run that is there: the run says it better."""
_NOT_IN_PLACE = ("none", "reboot", "replace", "decommission")


def in_place(foresight: Foresight | None) -> tuple[Candidate, ...]:
    """The candidates that change what is installed, without a new server."""
    if foresight is None:
        return ()
    return tuple(c for c in foresight.candidates if c.kind not in _NOT_IN_PLACE)


def is_mild(blocker: Blocker) -> bool:
    """Whether a blocker says nothing bad of the host: there is nothing on it to mend first."""
    return blocker.id in WAITS_FOR_A_LOOK


def what_blocks(foresight: Foresight | None) -> Blocker | None:
    """The first fact of the host that forbids all there is to do in place; None where one is free.

    A host on which nothing is due isn't blocked, unless it is half-way itself.
    """
    due = [
        [b for b in candidate.blockers if not is_mild(b) and b.id != OWN_RUN]
        for candidate in in_place(foresight)
        if all(b.id != "nothing-to-do" for b in candidate.blockers)
        or any(b.id in REPAIRS for b in candidate.blockers)
    ]
    return due[0][0] if due and all(due) else None


def what_mends(host: str, candidate: Candidate | None) -> str | None:
    """The candidate or chore by which the first of a candidate's blockers that has one is mended.

    None where a person has to, by the words of the remedies.
    """
    for blocker in candidate.blockers if candidate is not None else ():
        command, _, named = blocker.remedy.partition("\n")[0].rpartition(" ")
        if command == f"hostshift plan {host}":
            return named
    return None


def recommended(foresight: Foresight | None) -> Candidate | None:
    """The recommended candidate, where there is a recommendation."""
    if foresight is None or foresight.recommendation is None:
        return None
    kind = foresight.recommendation.kind
    return next((c for c in foresight.candidates if c.kind == kind), None)


def risk_shown(foresight: Foresight | None) -> Candidate | None:
    """The candidate whose risk stands beside a host: of acting in place, as recommended.

    For `none`, `replace` and `decommission` it is the one that would be done otherwise, so that a
    quiet host and one that must not be touched don't look alike.
    """
    best = recommended(foresight)
    if best is not None and best.kind not in ("none", "replace", "decommission"):
        return best
    return next((c for c in in_place(foresight) if c.risk is not None), None)
