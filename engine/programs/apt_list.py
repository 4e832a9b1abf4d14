"""``apt list --upgradable``: the cheap count of the light probe.

One line a package: ``NAME/SUITE[,SUITE...] VERSION ARCH [upgradable from: OLD]`` below a header
``Listing...`` (apt's apt-private/private-list.cc and private-output.cc); a suite may hold blanks
and slashes. It names suites but no labels, so that security updates of Debian 10 and earlier can't
be seen here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.programs.lines import cleaned_lines

_LINE = re.compile(r"([^/\s]+)/(.*) (\S+) (\S+) \[upgradable from: ([^\]\s]+)\]")


@dataclass(frozen=True, slots=True)
class Upgradable:
    """One installed package with a newer version in the lists."""

    name: str
    architecture: str
    from_version: str
    to_version: str
    suites: tuple[str, ...]

    @property
    def security(self) -> bool:
        """Whether some suite that offers the new version is a security suite."""
        return any(suite.endswith("-security") for suite in self.suites)


def parse(output: bytes) -> tuple[Upgradable, ...] | None:
    """The upgradable packages in the order of their names; None where this is not understood."""
    found: set[Upgradable] = set()
    header = False
    for line in cleaned_lines(output):
        if line.startswith("Listing..."):
            header = True
        elif match := _LINE.fullmatch(line):
            name, suites, new, architecture, old = match.groups()
            sorted_suites = tuple(s for s in suites.split(",") if s and s != "now")
            found.add(Upgradable(name, architecture, old, new, sorted_suites))
        elif header and not line.startswith(("N: ", "W: ")):
            return None  # another language, or a format of apt.conf's
    if not header:
        return None
    return tuple(sorted(found, key=lambda u: (u.name, u.architecture, u.to_version)))
