"""``decommission``: the end of server(n), offered only where a successor has taken over."""

from __future__ import annotations

from engine.model.candidate import Blocker, Candidate, Effects
from engine.model.host import Host


def decommission(host: Host) -> Candidate:
    """The candidate; blocked, since only the run that replaced the server can give the evidence."""
    return Candidate(
        id="decommission",
        kind="decommission",
        title="end this server, whose successor has taken over",
        changes=(),
        effects=Effects(reboot=False, units=None, containers=None, conffiles=()),
        blockers=(
            Blocker(
                "replacement-run",
                f"{host.name} is ended by the run that replaced it, after the soak and on its "
                "evidence.",
                "hostshift runs",
            ),
        ),
    )
