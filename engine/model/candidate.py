"""Candidate: one thing that could be done to a host now, with its effects, blockers and risk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engine.model.facts import Change

Kind = Literal[
    "none",
    "upgrade",
    "dist-upgrade",
    "release-upgrade",
    "reboot",
    "deploy-upgrade",
    "deploy-rollback",
    "deploy-finalize",
    "replace",
    "decommission",
]
IN_PLACE: frozenset[Kind] = frozenset({"upgrade", "dist-upgrade", "release-upgrade"})
"""Those that change packages in place, which nothing changes back but a snapshot; also the ids of
the steps that do. An image-based host has its former deployment."""
Level = Literal["low", "moderate", "high", "critical"]
FactorOrigin = Literal["measured", "anchored", "judgement", "unknown"]


@dataclass(frozen=True, slots=True)
class Effects:
    """What a candidate would do beside the package changes; None is unknown, never a guess."""

    reboot: bool | None = None
    units: tuple[str, ...] | None = None
    containers: tuple[str, ...] | None = None
    conffiles: tuple[str, ...] | None = None
    download_bytes: int | None = None
    disk_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Blocker:
    """A fact that forbids a candidate until it is mended."""

    id: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Factor:
    """A named part of the risk. The points of all factors add up to the score."""

    id: str
    mode: str
    points: int
    value: str
    evidence: str
    origin: FactorOrigin = "judgement"


@dataclass(frozen=True, slots=True)
class OutageMinutes:
    """How long services would be down: as expected, and on a bad day."""

    expected: int
    bad_day: int


@dataclass(frozen=True, slots=True)
class Risk:
    """The score of acting, 0 to 100, and its explanation.

    Attributes:
        chances: Of each way of going wrong; never shown: what a run's plan remembers, so that it
            can be compared with what came of it (`engine.runs.calibration`).
    """

    score: int
    level: Level
    outage_minutes: OutageMinutes
    one_in: int | None = None
    lost_day_one_in: int | None = None
    factors: tuple[Factor, ...] = ()
    chances: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that could be done.

    Attributes:
        id: The kind, or kind and subset (``upgrade:security``).
        to: What the host would be afterwards, where that has a name (a release, a version).
        changes: None where it was not simulated.
    """

    id: str
    kind: Kind
    title: str
    changes: tuple[Change, ...] | None = ()
    effects: Effects = field(default_factory=Effects)
    blockers: tuple[Blocker, ...] = ()
    risk: Risk | None = None
    subset: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The risk of not acting."""

    level: Level
    due_days: int | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The candidate that the doctrine would choose, and why in words."""

    kind: Kind
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foresight:
    """Everything that follows from one look at one host."""

    candidates: tuple[Candidate, ...]
    waiting: Waiting | None
    recommendation: Recommendation | None

    def candidate(self, candidate_id: str) -> Candidate | None:
        """A candidate by its id."""
        return next((c for c in self.candidates if c.id == candidate_id), None)
