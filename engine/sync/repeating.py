"""Whether one more pass while server1 serves shortens the last one, made while nobody writes. Pure.

A pass copies what was written during the one before, so each is shorter by the same part, until
what is left is the time in which rsync compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SHORT_S: Final = 60.0
"""A pass that took no longer leaves nothing to win. A judgement."""
SHORTER: Final = 2 / 3
"""How much of the former pass a pass may take for another one to be worth it. A judgement."""


def worth_another(seconds: Sequence[float]) -> bool:
    """Whether to make another pass.

    Args:
        seconds: How long each pass has taken, the oldest first.
    """
    if not seconds or seconds[-1] <= SHORT_S:
        return False
    return len(seconds) == 1 or seconds[-1] <= SHORTER * seconds[-2]
