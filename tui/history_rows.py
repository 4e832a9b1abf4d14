"""What the history shows of one run, its columns and its filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.model.run import Run
from engine.text import natural_key
from tui import filters
from tui.widgets.columns import Cell, Column
from tui.words import RUN_SIGNS, age, between, duration

DIGITS = 12
"""First digits of a digest that are shown."""
IN_FULL = 11
"""Width from which on a duration has both of its units."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One run.

    Attributes:
        words: Words of its state that the filter knows.
        text: Lower-case text that plain filter words are searched in.
    """

    run: Run
    words: frozenset[str]
    text: str


def row_of(run: Run) -> HistoryRow:
    """The row of one run."""
    return HistoryRow(
        run,
        frozenset({run.state, "ended" if run.ended else "live"}),
        " ".join((run.host, run.candidate, run.operator, run.id, run.digest[:DIGITS])).lower(),
    )


FIELDS: dict[str, Callable[[HistoryRow], str]] = {
    "host": lambda row: row.run.host.lower(),
    "do": lambda row: row.run.candidate.lower(),
    "state": lambda row: " ".join(row.words),
    "operator": lambda row: row.run.operator.lower(),
    "digest": lambda row: row.run.digest.lower(),
    "run": lambda row: row.run.id.lower(),
}


def parse(text: str) -> Callable[[HistoryRow], bool] | None:
    """A filter from what was typed, or None when it lets everything through."""
    return filters.parse(text, FIELDS)


def _started(row: HistoryRow, width: int) -> Cell:
    return ((f"{row.run.started_at.astimezone(UTC):%Y-%m-%d %H:%M}", "muted"),)


def _host(row: HistoryRow, width: int) -> Cell:
    return ((row.run.host, "strong"),)


def _candidate(row: HistoryRow, width: int) -> Cell:
    return ((row.run.candidate, "plain"),)


def _operator(row: HistoryRow, width: int) -> Cell:
    return ((row.run.operator, "plain"),)


def _digest(row: HistoryRow, width: int) -> Cell:
    return ((row.run.digest[:DIGITS], "muted"),)


def history_columns(now: Callable[[], datetime]) -> tuple[Column[HistoryRow], ...]:
    """The columns; ``now`` tells the time that ages and durations count to."""

    def lasted(row: HistoryRow) -> float:
        return between(row.run.started_at, row.run.ended_at or now())

    def state(row: HistoryRow, width: int) -> Cell:
        sign, tone = RUN_SIGNS[row.run.state]
        since = age(between(row.run.since, now()))
        return ((f"{sign} {row.run.state}", tone), (f" {since}", "muted"))

    def took(row: HistoryRow, width: int) -> Cell:
        words = duration(lasted(row))
        return ((words if width >= IN_FULL else " ".join(words.split()[:2]), "plain"),)

    return (
        Column(
            "started",
            "Started, UTC",
            16,
            16,
            _started,
            lambda r: r.run.started_at.timestamp(),
            descending=True,
            essential=True,
        ),
        Column("host", "Host", 10, 26, _host, lambda r: natural_key(r.run.host), essential=True),
        Column(
            "candidate",
            "Candidate",
            16,
            26,
            _candidate,
            lambda r: r.run.candidate,
            essential=True,
        ),
        Column("state", "State", 18, 22, state, lambda r: r.run.state, essential=True),
        Column("took", "Took", 6, IN_FULL, took, lasted, right=True, descending=True),
        Column("operator", "Operator", 14, 30, _operator, lambda r: r.run.operator),
        Column("digest", "Digest", DIGITS, DIGITS, _digest, lambda r: r.run.digest),
    )
