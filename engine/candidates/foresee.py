"""Everything that follows from one look at one host: pure, and total for whatever was found."""

from __future__ import annotations

from dataclasses import replace as with_fields
from datetime import datetime

from engine.candidates.blockers import common_blockers
from engine.candidates.decommission import decommission, unused_successor
from engine.candidates.reboot import reboot
from engine.candidates.recommendation import recommend
from engine.candidates.replace import go_back, replace
from engine.families.registry import family
from engine.model.candidate import Candidate, Effects, Foresight, Kind
from engine.model.facts import Facts
from engine.model.host import Host
from engine.risk import ORDINARY, Circumstances, assess
from engine.risk.waiting import known_holes, waiting

_ORDER: tuple[Kind, ...] = (
    "none",
    "upgrade",
    "dist-upgrade",
    "release-upgrade",
    "deploy-upgrade",
    "deploy-finalize",
    "deploy-rollback",
    "reboot",
    "replace",
    "decommission",
)


def foresee(host: Host, facts: Facts, now: datetime, around: Circumstances = ORDINARY) -> Foresight:
    """The candidates with blockers and risk, what waiting means, and what to do.

    Args:
        now: The time of the question; a saved scan is asked at the time it was taken.
        around: What neither host nor facts say, such as how many hosts change at once.
    """
    common = common_blockers(host, facts)
    found = [
        _NONE,
        *(with_fields(c, blockers=(*common, *c.blockers)) for c in _acting(host, facts)),
    ]
    found.sort(key=lambda c: (_ORDER.index(c.kind), c.id))
    candidates = tuple(
        with_fields(c, risk=assess(host, facts, c, now.date(), around)) for c in found
    )
    cves, unread = known_holes(facts.packages)
    waits = waiting(host, facts, now, cves, unread)
    return Foresight(
        candidates=candidates,
        waiting=waits,
        recommendation=recommend(host, facts, candidates, waits, now),
    )


def _acting(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    """All that could be done; a retiring host is the way back as it is, and only ever ended."""
    if host.retiring:
        return (decommission(host),)
    in_place = family(facts.family).candidates(host, facts)
    return (
        *(*in_place, reboot(host, facts, in_place)),
        *(replace(host), *go_back(host), *unused_successor(host, facts)),
    )


def picked(
    host: Host, facts: Facts, candidate: str, now: datetime, around: Circumstances = ORDINARY
) -> Candidate | None:
    """A candidate that a person put together by its id, with blockers and risk.

    Raises:
        InputError: the family has such candidates, and this one can't be.
    """
    found = None if host.retiring else family(facts.family).picked(host, facts, candidate)
    if found is None:
        return None
    found = with_fields(found, blockers=(*common_blockers(host, facts), *found.blockers))
    return with_fields(found, risk=assess(host, facts, found, now.date(), around))


_NONE = Candidate(
    id="none",
    kind="none",
    title="do nothing now",
    effects=Effects(
        reboot=False, units=(), containers=(), conffiles=(), download_bytes=0, disk_bytes=0
    ),
)
