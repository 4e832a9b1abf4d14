"""A host whose way of updating isn't known: it can be looked at, rebooted by hand and replaced."""

from __future__ import annotations

from engine.model.candidate import Candidate
from engine.model.facts import Facts
from engine.model.host import Host


def candidates(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    """None in place: what isn't understood is left alone."""
    return ()
