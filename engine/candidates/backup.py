"""Whether data that an update could damage could be had back."""

from __future__ import annotations

from engine.families.traits import names_with
from engine.model.candidate import Candidate
from engine.model.facts import Facts
from engine.model.host import Host
from engine.risk import parameters


def databases(candidate: Candidate) -> tuple[str, ...]:
    """The packages of a candidate that hold data in a format of their own."""
    return names_with(candidate.changes or (), "database")


def is_recent(host: Host, facts: Facts) -> bool | None:
    """Whether a backup is young enough to go back to; None: not known."""
    age = facts.backup_age_s
    return None if age is None else age <= parameters(host.risk)["backup_hours"] * 3600
