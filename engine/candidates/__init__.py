"""What could be done to a host now, what stands against it, and what the doctrine would choose."""

from engine.candidates.foresee import foresee, picked
from engine.candidates.standing import (
    in_place,
    is_mild,
    recommended,
    risk_shown,
    what_blocks,
    what_mends,
)

__all__ = [
    "foresee",
    "in_place",
    "is_mild",
    "picked",
    "recommended",
    "risk_shown",
    "what_blocks",
    "what_mends",
]
