"""The snapshot that a run took first: its name, and the way back to it. Pure."""

from __future__ import annotations

from datetime import datetime

from engine.clock import rfc3339
from engine.model.host import Host
from engine.model.run import SNAPSHOT, Run, snapshot_name
from engine.shell import Command


def taken(run: Run) -> datetime | None:
    """When a run's snapshot was taken; None where it was not."""
    return next(
        (s.ended_at for s in run.steps if s.id == SNAPSHOT and s.state == "succeeded"), None
    )


def way_back(run: Run, host: Host) -> tuple[str, ...]:
    """How to go back to a run's snapshot and what that loses; empty where none was taken."""
    at = taken(run)
    if at is None:
        return ()
    name = snapshot_name(run.id)
    lost = f"what {host.name} has written since is lost then"
    words = f"The snapshot {name} is of {rfc3339(at)}, before anything was changed"
    if host.snapshot_restore is None:
        return (f"{words}. Put it back by your own means; {lost}.",)
    told = {
        "HOSTSHIFT_OLD": host.name,
        "HOSTSHIFT_OLD_ADDRESS": host.address,
        "HOSTSHIFT_SNAPSHOT": name,
    }
    command = Command.of("env", *(f"{key}={value}" for key, value in told.items()))
    return (f"{words}. To go back ({lost}):", f"{command.line()} {host.snapshot_restore}")
