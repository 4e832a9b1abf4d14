"""Nothing is carried out on a host whose way of updating isn't known."""

from __future__ import annotations

from engine.errors import RefusedError
from engine.model.facts import Facts
from engine.model.host import Host
from engine.model.plan import Step


def steps(host: Host, facts: Facts, candidate: str) -> tuple[Step, ...]:
    """Always refuses.

    Raises:
        RefusedError: always.
    """
    raise RefusedError(
        f"hostshift does not know how {host.name} is updated, so it carries out nothing there.",
        hint="Update it by its own tools, or replace it by a successor.",
    )
