"""What would change an advice: the one fact that, were it another, would lead elsewhere."""

from __future__ import annotations

from engine.candidates.deadline import AT_ONCE_DAYS, SOON_DAYS
from engine.model.candidate import Kind, Waiting
from engine.model.host import Host

OPEN_QUESTION = (
    "Nobody has answered yet what a day without this server would mean; until then it counts as "
    'costly (outage = "tolerable", "costly" or "unacceptable").'
)


def of_the_gate(host: Host, *, stands_in: bool) -> str:
    """For a server that must not be touched."""
    if stands_in:
        return (
            f"{host.redundancy} stands in for it, by a failover tried lately: in place, one at a "
            "time, would do too. A successor is preferred because the way back stays."
        )
    if host.redundancy is None:
        return "This would change it: hosts that stand in for it, by a failover tried lately."
    return (
        f"This would change it: a failover of {host.redundancy} tried lately (failover_tested); "
        "then in place, one host at a time."
    )


def of_acting(host: Host, kind: Kind, waiting: Waiting) -> str:
    """For everything else."""
    if host.outage is None:
        return f"{OPEN_QUESTION} If it were unacceptable: replace."
    if host.outage == "unacceptable":
        return (
            "This would change it: a replacement that lacks nothing, or a failover of "
            f"{host.redundancy} that wasn't tried lately; then replace."
        )
    if kind == "replace":
        return "This would change it: a day's outage that is tolerable; then in place."
    due = waiting.due_days
    if host.exposed is None and due is not None and AT_ONCE_DAYS < due <= SOON_DAYS:
        return (
            "This could change it: an inventory that says that the internet doesn't reach it "
            "(exposed = false); then there may be more time."
        )
    return "This would change it: a day's outage that is unacceptable; then replace."
