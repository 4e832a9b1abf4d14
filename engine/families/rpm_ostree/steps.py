"""Nothing is carried out on rpm-ostree hosts yet: this version only looks at them."""

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
        f"This version only looks at hosts like {host.name} (rpm-ostree) and changes nothing.",
        hint="hostshift status --json names the command of each candidate, to be typed by hand.",
    )
