"""APT's status lines (``APT::Status-Fd``; apt's doc/progress-reporting.md, install-progress.cc).

``dlstatus:INDEX:PERCENT:TEXT`` while downloading, ``pmstatus:PACKAGE:PERCENT:TEXT`` while dpkg
works, ``pmerror:`` and ``pmconffile:`` likewise. The percentage is of the phase in hand.
"""

from __future__ import annotations

import re

from engine.model.run import Progress
from engine.text import clean_line

_LINE = re.compile(r"(dlstatus|pmstatus|pmerror|pmconffile):(.+?):(-?\d{1,9}(?:\.\d{1,9})?):(.*)")
_PHASES = {
    "dlstatus": "download",
    "pmstatus": "install",
    "pmerror": "error",
    "pmconffile": "conffile",
}


def parse_line(line: str) -> Progress | None:
    """One line as progress, or None for anything else. Never raises."""
    match = _LINE.fullmatch(line.strip("\r\n"))
    if match is None:
        return None
    kind, target, percent, text = match.groups()
    # A package's name may be followed by its architecture; conffiles and errors name a target
    # that the text doesn't repeat.
    named = f"{target}: {text}" if kind in {"pmerror", "pmconffile"} else text
    return Progress(_PHASES[kind], min(100.0, max(0.0, float(percent))), clean_line(named))
