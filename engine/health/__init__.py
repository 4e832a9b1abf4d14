"""Health: checks of services, what works on a host, and what of it got worse."""

from engine.health.baseline import take
from engine.health.checks import run
from engine.health.compare import Difference, compare
from engine.health.exchange import Tries
from engine.health.health import CheckResult, Health
from engine.health.settle import settled

__all__ = [
    "CheckResult",
    "Difference",
    "Health",
    "Tries",
    "compare",
    "run",
    "settled",
    "take",
]
