"""apt's periodic jobs and unattended-upgrades: ``apt-config dump`` and their timers.

/usr/lib/apt/apt.systemd.daily reads ``APT::Periodic::*``; intervals are days (or with a suffix),
``0`` is never. The timers start it; without systemd cron does.
"""

from __future__ import annotations

import re

from engine.model.facts import AutoUpdate
from engine.programs.lines import cleaned_lines
from engine.programs.systemd import Units, runs_by_itself

_SETTING = re.compile(r'([\w:.-]+) "(.*)";$')


def parse_config(output: bytes) -> dict[str, str]:
    """Settings of ``apt-config dump``, keys in lower case."""
    found = {}
    for line in cleaned_lines(output):
        if match := _SETTING.match(line):
            found[match[1].lower()] = match[2]
    return found


def auto_updates(
    config: dict[str, str], units: Units | None, installed: bool
) -> tuple[AutoUpdate, ...]:
    """unattended-upgrades and apt's two timers, each with whether it acts by itself.

    ``units`` is None where systemd isn't there; ``installed`` tells of unattended-upgrades.
    """
    found = []
    allowed = _set(config.get("apt::periodic::enable", "1"))
    timers: dict[str, bool | None] = {}
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        timers[timer] = runs_by_itself(units.get(timer)) if units is not None else None
    refreshes = allowed and _set(config.get("apt::periodic::update-package-lists", "0"))
    upgrades = allowed and _set(config.get("apt::periodic::unattended-upgrade", "0"))
    if (runs := timers["apt-daily.timer"]) is not None:
        found.append(AutoUpdate("apt-daily", runs and refreshes))
    if installed:
        started = units is None or bool(timers["apt-daily-upgrade.timer"])
        found.append(AutoUpdate("unattended-upgrades", started and upgrades))
    return tuple(found)


def _set(interval: str) -> bool:
    return interval.strip().lower() not in ("", "0", "false", "no", "off", "never")
