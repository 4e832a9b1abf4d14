"""Whether others stand in for a host, as was tried lately; and the order among them."""

from __future__ import annotations

from datetime import date

from engine.model.host import Host
from engine.risk import parameters


def tried_days(host: Host, today: date) -> int | None:
    """Days since its failover was tried, where that is lately enough to count; else None."""
    if host.redundancy is None or host.failover_tested is None:
        return None
    days = max(0, (today - host.failover_tested).days)
    return days if days <= parameters(host.risk)["failover_days"] else None


def one_by_one(host: Host) -> tuple[str, ...]:
    """The words for hosts of one redundancy."""
    if host.redundancy is None:
        return ()
    words = (
        f"One host of {host.redundancy} at a time: first the one most like the others, then a day "
        "of healthy checks before the next."
    )
    return (words,)
