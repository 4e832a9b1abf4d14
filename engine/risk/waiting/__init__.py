"""The risk of waiting: a tree of questions, the path through it in words, and no sum."""

from engine.risk.waiting.holes import (
    Band,
    band,
    band_of,
    is_automatable,
    is_exploited,
    is_total,
)
from engine.risk.waiting.tree import (
    LISTS_OLD_S,
    Ages,
    ages,
    kernel_waits,
    known_holes,
    source_of,
    waiting,
)

__all__ = [
    "LISTS_OLD_S",
    "Ages",
    "Band",
    "ages",
    "band",
    "band_of",
    "is_automatable",
    "is_exploited",
    "is_total",
    "kernel_waits",
    "known_holes",
    "source_of",
    "waiting",
]
