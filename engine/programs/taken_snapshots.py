"""Which snapshots a host remembers to have been taken of it, as the probe shows them.

Written by engine/host/snapshots.sh: the run that had it taken and when, a line each.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from engine.model.facts import TakenSnapshot
from engine.text import clean

_LINE: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]{0,99}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")


def parse(output: bytes) -> tuple[TakenSnapshot, ...]:
    """Read the section ``snapshots``, the oldest first; lines that can't be one are left out."""
    found = []
    for line in clean(output).split("\n"):
        if match := _LINE.fullmatch(line.strip()):
            try:
                found.append(TakenSnapshot(match[1], datetime.fromisoformat(match[2])))
            except ValueError:
                continue
    return tuple(sorted(found, key=lambda one: (one.taken_at, one.run)))
