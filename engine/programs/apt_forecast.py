"""What a simulated upgrade would do, in the few lines that somebody reads before answering."""

from __future__ import annotations

import re
from typing import Final

from engine.text import clean

_OWN: Final = re.compile(r"hostshift: (?:off, |pins name ).*")
_SIZES: Final = re.compile(r"(?:Need to get|After this operation).*")
_DONE: Final = re.compile(r"(Inst|Remv|Purg) (\S+)( \[)?")
MOST: Final = 30
"""How many removals are named."""


def forecast(log: bytes) -> tuple[str, ...]:
    """The sum of a log that holds ``apt-get -s``; lines of its own that a job marks come first.

    The grammar is that of apt's algorithms.cc (``pkgSimulate``): ``Inst NAME [OLD] (NEW ...)`` has
    no ``[OLD]`` for a package that is new.
    """
    own, sizes, removed = [], [], []
    new, upgraded = 0, 0
    for line in clean(log).splitlines():
        if _OWN.fullmatch(line):
            own.append(line.removeprefix("hostshift: "))
        elif _SIZES.match(line):
            sizes.append(line.strip())
        elif found := _DONE.match(line):
            if found[1] != "Inst":
                removed.append(found[2])
            elif found[3]:
                upgraded += 1
            else:
                new += 1
    if not (new or upgraded or removed):
        return (*own, "What would change stands in no log here.")
    gone = ", ".join(removed[:MOST]) + (" and more" if len(removed) > MOST else "")
    told = f"{upgraded} packages upgraded, {new} new, {len(removed)} removed"
    return (*own, told + (f": {gone}." if removed else "."), *sizes)
