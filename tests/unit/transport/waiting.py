"""Waiting for something to become true, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def eventually(condition: Callable[[], object], within_s: float = 60) -> None:
    """Return as soon as the condition holds; fail when it doesn't in time."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError("did not come true in time")
        await asyncio.sleep(0.01)
