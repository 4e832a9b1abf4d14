"""The reboot of a host: what speaks against it, giving the word, and the proof (docs/runs.md).

`readiness`, `begin` and `look_back` ask the host, each in one bounded exchange that may be made
again. `stands_against` and `judge` decide, from what was answered and nothing else.
"""

from engine.reboot.ask import begin, look_back, readiness
from engine.reboot.judge import judge, shown, stands_against
from engine.reboot.values import (
    Back,
    Begun,
    Boot,
    Readiness,
    Record,
    Refusal,
    RefusalId,
    Verdict,
)

__all__ = [
    "Back",
    "Begun",
    "Boot",
    "Readiness",
    "Record",
    "Refusal",
    "RefusalId",
    "Verdict",
    "begin",
    "judge",
    "look_back",
    "readiness",
    "shown",
    "stands_against",
]
