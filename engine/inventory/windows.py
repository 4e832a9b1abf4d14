"""Maintenance windows: ``Sun 02:00-05:00 Europe/Paris``, ``Mon-Fri,Sun 22:00-04:00 UTC``.

Days may be left out (every day). A window that runs over midnight belongs to the day it opens on.
Its hours are those of the wall clock in its zone: in the night the clocks change, a window is an
hour longer or shorter.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from engine.inventory.wrong import WrongValue, shown

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHAPE: Final = 'a window is written "Sun 02:00-05:00 Europe/Paris"'
_LONG_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_LOOSE_HOURS = re.compile(r"([0-9]{1,2})[:.h]?([0-9]{2})?-([0-9]{1,2})[:.h]?([0-9]{2})?")
_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """When acting needs no further question.

    Attributes:
        days: Weekdays on which it opens, Monday is 0 (datetime.weekday).
        opens: Minutes after local midnight, 0 to 1439.
        closes: The same, 1 to 1440; not after ``opens`` means on the next day.
    """

    days: frozenset[int]
    opens: int
    closes: int
    zone: tzinfo

    def contains(self, moment: datetime) -> bool:
        """Whether the window is open at an aware moment."""
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if self.opens < self.closes:
            return local.weekday() in self.days and self.opens <= minute < self.closes
        if minute >= self.opens:
            return local.weekday() in self.days
        return minute < self.closes and (local.weekday() - 1) % 7 in self.days

    def next_opening(self, moment: datetime) -> datetime:
        """The first opening after an aware moment, in UTC.

        An hour that the clocks skip is taken with the offset before the change (PEP 495).
        """
        today = moment.astimezone(self.zone).date()
        start = time(self.opens // 60, self.opens % 60)
        for ahead in range(-1, 15):
            day = today + timedelta(days=ahead)
            if day.weekday() not in self.days:
                continue
            opening = datetime.combine(day, start, self.zone).astimezone(UTC)
            if opening > moment:
                return opening
        raise ValueError("a window without a day never opens")


@lru_cache(maxsize=1_024)
def parse(text: str) -> Window:
    """Read a window.

    Raises:
        WrongValue: the shape, a day, an hour or the time zone can't be read.
    """
    words = text.split()
    if len(words) < 2 or _LOOSE_HOURS.fullmatch(words[-1]):
        raise WrongValue(f"{shown(text)} is not a window", _shape_hint(words))
    days = _days("".join(words[:-2]))  # blanks may follow the commas
    opens, closes = _hours(words[-2])
    return Window(days, opens, closes, _zone(words[-1]))


def _shape_hint(words: list[str]) -> str:
    if words and _HOURS.fullmatch(words[-1]):
        return f'name the time zone too, such as "{" ".join(words)} Europe/Paris" or UTC'
    return SHAPE


def _days(text: str) -> frozenset[int]:
    if not text:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start = _day(first)
        end = _day(last) if dash else start
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(days)


def _day(text: str) -> int:
    for number, name in enumerate(DAYS):
        if text.lower() in (name.lower(), _LONG_DAYS[number]):
            return number
    near = difflib.get_close_matches(text.lower(), [*_LONG_DAYS, *map(str.lower, DAYS)], n=1)
    meant = f'did you mean "{near[0][:3].capitalize()}"?' if near else f"days are {', '.join(DAYS)}"
    raise WrongValue(f"{shown(text)} is not a day of the week", meant)


def _hours(text: str) -> tuple[int, int]:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise WrongValue(f"{shown(text)} is not a pair of hours (HH:MM-HH:MM)", _hours_hint(text))
    opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if int(match[2]) > 59 or int(match[4]) > 59 or opens >= _DAY_MINUTES or closes > _DAY_MINUTES:
        raise WrongValue(f"{shown(text)} has an hour that no clock shows (00:00 to 24:00)")
    if closes == 0:
        closes = _DAY_MINUTES
    if opens == closes:
        raise WrongValue(
            f"{shown(text)} opens and closes at the same time",
            'write "00:00-24:00" for the whole day',
        )
    return opens, closes


def _hours_hint(text: str) -> str | None:
    loose = _LOOSE_HOURS.fullmatch(text)
    if loose is None:
        return SHAPE
    first, second = (f"{int(loose[n]):02}:{loose[n + 1] or '00'}" for n in (1, 3))
    return f'did you mean "{first}-{second}"?'


def _zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        # ZoneInfo says it with ZoneInfoNotFoundError (a KeyError), with ValueError for a path that
        # leaves the data, and with OSError where the name is a directory of it.
        raise WrongValue(f"{shown(name)} is not a time zone", _zone_hint(name)) from error


def _zone_hint(name: str) -> str:
    known = {zone.lower(): zone for zone in available_timezones()}
    if len(known) < 2:
        return "this machine has no time zone data: install the package tzdata"
    cities = {zone.rpartition("/")[2]: zone for zone in known}
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    near = near or difflib.get_close_matches(name.lower().rpartition("/")[2], cities, n=1)
    if not near:
        return "zones have names such as Europe/Paris or UTC"
    return f'did you mean "{known[cities.get(near[0], near[0])]}"?'
