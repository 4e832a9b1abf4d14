"""Which of several candidates that would all do: the least risky, and what decides a near tie."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.candidate import IN_PLACE, Candidate
from engine.model.host import Host

NEAR = 10
"""Scores this close say the same: their weights are judgement. So is this number."""


def least_risky(host: Host, candidates: Sequence[Candidate]) -> Candidate:
    """The lowest score; of those near it what can be undone, then the smaller, then no reboot.

    Args:
        candidates: At least one, all of which do what is to be done. One without a score counts
            as the riskiest there could be. Of equals the first.
    """
    lowest = min(_score(candidate) for candidate in candidates)
    near = [candidate for candidate in candidates if _score(candidate) <= lowest + NEAR]
    return min(
        near,
        key=lambda c: (
            not can_be_undone(host, c),
            c.changes is None,
            len(c.changes or ()),
            c.effects.reboot is not False,
            _score(c),
        ),
    )


def can_be_undone(host: Host, candidate: Candidate) -> bool:
    """Whether a way back stays: the old server, the previous deployment, a snapshot."""
    if candidate.kind == "replace" or candidate.kind.startswith("deploy-"):
        return True
    both = host.snapshot is not None and host.snapshot_restore is not None
    return both and candidate.kind in IN_PLACE


def is_much_safer(candidate: Candidate | None, other: Candidate) -> bool:
    """Whether a candidate may be carried out and its score is more than `NEAR` below another's.

    False where one of them has no score: a light look knows too little to advise so much work.
    """
    if candidate is None or candidate.blockers or other.risk is None:
        return False
    return _score(candidate) + NEAR < _score(other)


def _score(candidate: Candidate) -> int:
    return 100 if candidate.risk is None else candidate.risk.score
