"""Durations as the inventory writes them: ``90s``, ``15m``, ``12h``, ``5d``."""

from __future__ import annotations

import re
from typing import Final

from engine.inventory.wrong import WrongValue, shown

UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST_S: Final = 36_500 * UNIT_S["d"]
"""A hundred years; more overflows nobody's plan but datetime arithmetic."""

PATTERN: Final = r"^[0-9]+[smhd]$"
_DURATION = re.compile(r"([0-9]{1,12})([smhd])")
_PART = re.compile(r"([0-9]{1,12})\s*([a-z]+)", re.IGNORECASE)
_LOOSE_UNIT: Final = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3_600, "hr": 3_600, "hrs": 3_600, "hour": 3_600, "hours": 3_600,
    "d": 86_400, "day": 86_400, "days": 86_400, "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip


def show(seconds: int) -> str:
    """Seconds in the largest unit that divides them: 5_400 is ``90m``."""
    for unit in "dhm":
        if seconds and seconds % UNIT_S[unit] == 0:
            return f"{seconds // UNIT_S[unit]}{unit}"
    return f"{seconds}s"


def parse(text: str) -> int:
    """Seconds of a duration.

    Raises:
        WrongValue: it is not a number and one of s, m, h, d, or it is over a hundred years.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise WrongValue(
            f"{shown(text)} is not a duration (a number and s, m, h or d)", _suggestion(text)
        )
    seconds = int(match[1]) * UNIT_S[match[2]]
    if seconds > LONGEST_S:
        raise WrongValue(f"{shown(text)} is longer than a hundred years")
    return seconds


def _suggestion(text: str) -> str | None:
    """What was probably meant by ``5 days``, ``1h30m``, ``2w`` or a bare number."""
    lowered = text.strip().lower()
    if re.fullmatch(r"[0-9]{1,9}", lowered):
        return f'seconds are written "{lowered}s"'
    if re.fullmatch(r"(?:[0-9]{1,9}\s*[a-z]+[\s,]*)+", lowered) is None:
        return None
    seconds = 0
    for number, unit in _PART.findall(lowered):
        if unit not in _LOOSE_UNIT:
            return None
        seconds += int(number) * _LOOSE_UNIT[unit]
    return f'write "{show(seconds)}"' if seconds <= LONGEST_S else None
