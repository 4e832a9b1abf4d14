"""What is known of a host of unknown family: the common facts."""

from __future__ import annotations

from engine.families.protocol import Sections
from engine.model.facts import Facts, Problem


def observe(sections: Sections, facts: Facts) -> tuple[Facts, tuple[Problem, ...]]:
    """The facts as they are."""
    return facts, ()
