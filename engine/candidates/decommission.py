"""``decommission``: the end of server(n), and of a successor that was built and isn't used."""

from __future__ import annotations

from engine.candidates.replace import no_decommission
from engine.model.candidate import Blocker, Candidate, Effects
from engine.model.facts import Facts
from engine.model.host import Host
from engine.successor import follows


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


def unused_successor(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    """The end of the successor that a replacement has built for this host and left unused.

    A host's word alone ends no other server: the name must be one that its successor could have.
    """
    built = facts.successor
    if built is None or built.serves or not follows(host, built.name):
        return ()
    return (
        Candidate(
            id=f"decommission:{built.name}",
            kind="decommission",
            title=f"remove {built.name}, which was built as the successor and isn't used",
            changes=(),
            effects=Effects(reboot=False, units=(), containers=(), conffiles=()),
            subset=built.name,
            blockers=no_decommission(host),
        ),
    )
