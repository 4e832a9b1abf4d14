"""The columns of the fleet table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.text import natural_key
from tui.fleet_rows import LEVELS, FleetRow
from tui.widgets.columns import Cell, Column
from tui.words import LEVEL_TONES, Tone, age, bar, between

UNKNOWN: Cell = (("·", "muted"),)
NOTHING: Cell = (("–", "muted"),)
WITH_BAR = 19
"""Width from which on the risk has a bar before its words."""
_WAITING_SIGNS = {"low": " ", "moderate": "·", "high": "!", "critical": "‼"}


def _host(row: FleetRow, width: int) -> Cell:
    return ((row.name, "strong"),)


def _groups(row: FleetRow, width: int) -> Cell:
    return ((" ".join(row.groups), "muted"),)


def _os(row: FleetRow, width: int) -> Cell:
    return ((row.os, "plain"),) if row.os else UNKNOWN


def _updates(row: FleetRow, width: int) -> Cell:
    """Pending updates, and how many of them are of security."""
    if row.pending is None:
        return (("   ·", "muted"),)
    if row.pending == 0:
        return (("   –", "muted"),)
    pending = f"{row.pending:>4}"
    if row.security is None:
        return ((pending, "plain"), ("   ? sec", "muted"))
    if not row.security:
        return ((pending, "plain"),)
    return ((pending, "plain"), (f" {row.security:>3} sec", "warn"))


def _reboot(row: FleetRow, width: int) -> Cell:
    if row.reboot is None:
        return UNKNOWN
    return (("↻ due", "warn"),) if row.reboot else NOTHING


def _waiting(row: FleetRow, width: int) -> Cell:
    if row.waiting is None:
        return UNKNOWN
    tone: Tone = "muted" if row.waiting == "low" else LEVEL_TONES[row.waiting]
    sign = _WAITING_SIGNS[row.waiting]
    if row.due_days is None:
        return ((f"{sign} {row.waiting}", tone),)
    due = "now" if row.due_days <= 0 else f"in {row.due_days} d"
    return ((f"{sign} {row.waiting}", tone), (f" {due}", "muted"))


def _recommended(row: FleetRow, width: int) -> Cell:
    if row.recommended is None:
        return UNKNOWN
    return ((row.recommended, "muted" if row.recommended == "none" else "plain"),)


def _risk(row: FleetRow, width: int) -> Cell:
    if row.score is None or row.level is None:
        return (("  ·", "muted"),)
    tone = LEVEL_TONES[row.level]
    words: Cell = ((f"{row.score:>3} ", tone), (row.level, tone))
    if width < WITH_BAR:
        return words
    full, rest = bar(row.score, 100, WITH_BAR - 13)
    return ((full, tone), (rest, "muted"), *words)


def _state(row: FleetRow, width: int) -> Cell:
    return ((f"{row.sign} {row.state}", row.tone),)


def fleet_columns(now: Callable[[], datetime]) -> tuple[Column[FleetRow], ...]:
    """The columns; ``now`` tells the time that ages count from."""

    def seen(row: FleetRow, width: int) -> Cell:
        if row.taken_at is None:
            return UNKNOWN
        text = age(between(row.taken_at, now()))
        return ((text, "muted"),)

    return (
        Column("host", "Host", 16, 24, _host, lambda r: natural_key(r.name), essential=True),
        Column("groups", "Groups", 12, 26, _groups, lambda r: r.groups or None),
        Column("os", "System", 13, 20, _os, lambda r: r.os.lower() or None),
        Column(
            "updates",
            "Updates",
            12,
            14,
            _updates,
            # Security first, then the number: what a person on call asks for.
            lambda r: None if r.pending is None else (r.security or 0, r.pending),
            descending=True,
            essential=True,
        ),
        Column("reboot", "Reboot", 6, 8, _reboot, lambda r: r.reboot, descending=True),
        Column(
            "waiting",
            "Waiting",
            18,
            18,
            _waiting,
            lambda r: None if r.waiting is None else (LEVELS[r.waiting], -(r.due_days or 0)),
            descending=True,
        ),
        Column(
            "recommended",
            "Recommended",
            13,
            17,
            _recommended,
            lambda r: r.recommended,
            essential=True,
        ),
        Column(
            "risk", "Risk", 12, WITH_BAR, _risk, lambda r: r.score, descending=True, essential=True
        ),
        Column("state", "State", 15, 20, _state, lambda r: (r.rank, r.state), essential=True),
        Column(
            "seen",
            "Seen",
            6,
            8,
            seen,
            lambda r: None if r.taken_at is None else r.taken_at.timestamp(),
            right=True,
            descending=True,
        ),
    )
