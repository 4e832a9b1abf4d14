"""A risk in the words that both faces show."""

from __future__ import annotations

from engine.model.candidate import Risk


def in_words(risk: Risk) -> tuple[str, ...]:
    """Chances and minutes, a sentence each; none where nothing can go wrong."""
    minutes = risk.outage_minutes
    found = []
    if risk.one_in is not None:
        found.append(f"About 1 in {risk.one_in:,} goes wrong.")
    if risk.lost_day_one_in is not None:
        found.append(f"A lost day: about 1 in {risk.lost_day_one_in:,}.")
    if minutes.bad_day:
        found.append(f"Down for {_time(minutes.expected)} to {_time(minutes.bad_day)}.")
    return tuple(found)


def _time(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.2g} h"
