"""The filter of the fleet table: its state words and its fields (see `tui.filters`)."""

from __future__ import annotations

from collections.abc import Callable

from tui import filters
from tui.fleet_rows import FleetRow

STATE_WORDS: dict[str, str] = {
    "pending": "updates are pending",
    "security": "security updates are pending",
    "reboot": "a reboot is due",
    "blocked": "something is to be done, and a blocker forbids it",
    "running": "a run is on the host now",
    "attention": "a run waits for a person's decision",
    "failed": "a run failed",
    "failing": "units of the host have failed",
    "reachable": "the last look succeeded",
    "unreachable": "the last look did not succeed",
    "hostkey": "nobody has vouched for the host's key, or it has changed",
    "trouble": "the last look did not succeed, for whatever reason",
    "unknown": "not looked at yet, or a run whose state isn't known",
    "tolerable": "a one-day outage would be tolerable; also costly, unacceptable",
}
FIELDS: dict[str, Callable[[FleetRow], str]] = {
    "name": lambda row: row.name.lower(),
    "address": lambda row: row.address.lower(),
    "group": lambda row: " ".join(row.groups).lower(),
    "os": lambda row: row.os.lower(),
    "state": lambda row: " ".join((row.state, *row.words)).lower(),
    "do": lambda row: row.recommended or "",
    "risk": lambda row: row.level or "",
    "waiting": lambda row: row.waiting or "",
}


def parse(text: str) -> Callable[[FleetRow], bool] | None:
    """A filter from what was typed, or None when it lets everything through."""
    return filters.parse(text, FIELDS)
