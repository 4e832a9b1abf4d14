"""JournalEntry: one thing that happened in a run, as the append-only journal keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What happened, when, and by whom.

    Attributes:
        kind: A stable word for programs, such as ``state`` or ``step-begun``.
        who: The hostshift or the person that it came from.
        text: In words, one line.
    """

    at: datetime
    kind: str
    who: str
    text: str
