"""What dpkg has installed, from versions.sh (dpkg-query(1), db:Status-Abbrev)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.text import clean_line, decode


@dataclass(frozen=True, slots=True)
class Installed:
    """One package as dpkg knows it; ``state`` such as ``ii`` or ``iF``."""

    name: str
    architecture: str
    version: str
    state: str

    @property
    def present(self) -> bool:
        """Fully installed; the first letter is only what is wanted (hold is ``h``)."""
        return self.state[1:] == "i"

    @property
    def gone(self) -> bool:
        """Not installed, or only its configuration is left."""
        return self.state[1:] in {"n", "c"}


def parse(output: bytes) -> tuple[Installed, ...]:
    """All packages; a line that can't be read is left out. Never raises."""
    found = []
    for line in decode(output).split("\n"):
        fields = [clean_line(field).strip() for field in line.split("\t")]
        if len(fields) == 4 and fields[1]:
            found.append(Installed(fields[1], fields[2], fields[3], fields[0]))
    return tuple(found)
