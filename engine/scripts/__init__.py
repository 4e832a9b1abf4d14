"""Scripts of the inventory on this machine: detached, found again, followed (docs/hooks.md)."""

from engine.scripts.events import environment, event
from engine.scripts.follow import follow, stop, tail
from engine.scripts.notify import complaints, notify
from engine.scripts.result import HARMLESS, Result, judge
from engine.scripts.start import NotStartedError, again, start

__all__ = [
    "HARMLESS",
    "NotStartedError",
    "Result",
    "again",
    "complaints",
    "environment",
    "event",
    "follow",
    "judge",
    "notify",
    "start",
    "stop",
    "tail",
]
