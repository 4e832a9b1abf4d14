"""How numbers, times and states read on every screen: one place, pure functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

Tone = Literal["plain", "muted", "strong", "accent", "good", "warn", "bad"]
"""What a piece of text means; a theme gives it a colour, a symbol or a word says it too."""

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LEVEL_TONES: dict[str, Tone] = {
    "low": "good",
    "moderate": "plain",
    "high": "warn",
    "critical": "bad",
}
RUN_SIGNS: dict[str, tuple[str, Tone]] = {
    "planned": ("○", "muted"),
    "waiting": ("◷", "accent"),
    "running": ("▶", "accent"),
    "attention": ("!", "warn"),
    "succeeded": ("✓", "good"),
    "failed": ("✗", "bad"),
    "rolled-back": ("↶", "warn"),
    "cancelled": ("–", "muted"),
    "unknown": ("?", "warn"),
}
"""The sign of each state of a run; the word always stands beside it."""


def age(seconds: float) -> str:
    """How long ago, in one unit: ``now``, ``40 s``, ``12 min``, ``3 h``, ``5 d``."""
    if seconds < 5:
        return "now"
    if seconds < MINUTE:
        return f"{int(seconds)} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < 2 * DAY:
        return f"{int(seconds // HOUR)} h"
    return f"{int(seconds // DAY)} d"


def duration(seconds: float) -> str:
    """A length of time in at most two units: ``8 s``, ``2 min 05 s``, ``1 h 12 min``."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def about(seconds: float) -> str:
    """An estimate, in one unit: ``40 s``, ``3 min``, ``2 h``."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    return f"{round(whole / MINUTE)} min" if whole < 2 * HOUR else f"{round(whole / HOUR)} h"


def clock(moment: datetime, now: datetime) -> str:
    """A time of day with seconds, in UTC; with its date when that isn't today's."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M:%S}"


def between(start: datetime, end: datetime) -> float:
    """Seconds from start to end, never negative."""
    return max(0.0, (end - start).total_seconds())


def size(number: int) -> str:
    """Bytes in decimal units with three figures: ``932 B``, ``12.4 MB``, ``3.10 GB``."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{number} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 host``, ``3 hosts``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def bar(part: float, whole: float, width: int) -> tuple[str, str]:
    """The filled and the empty part of a bar of a given width."""
    filled = 0 if whole <= 0 else round(min(1.0, max(0.0, part / whole)) * width)
    if part > 0 and filled == 0:
        filled = 1
    return "━" * filled, "─" * (width - filled)


def shorten(text: str, width: int) -> str:
    """At most ``width`` characters, with an ellipsis where something was left out."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def yes_no(value: bool | None) -> str:
    """A fact that may be unknown."""
    return "unknown" if value is None else "yes" if value else "no"
