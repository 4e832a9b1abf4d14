"""dpkg's own state: ``dpkg-query -W``, the journal in ``/var/lib/dpkg/updates``, its locks.

Status abbreviations: dpkg-query(1), ``db:Status-Abbrev``. The first letter is what is wanted
(``h`` is hold), the second what is, the third ``R`` where a reinstallation is required.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.model.facts import BrokenPackage, LockHolder
from engine.programs.lines import cleaned_lines, pairs, whole_number

_HALF_DONE = "HUFWt"
"""Half-installed, unpacked, half-configured, triggers awaited, triggers pending."""


@dataclass(frozen=True, slots=True)
class Installed:
    """One line of dpkg's database."""

    state: str
    name: str
    architecture: str
    version: str

    @property
    def present(self) -> bool:
        """Whether the package is installed as it should be."""
        return self.state[1:2] == "i" and len(self.state) < 3


def parse_packages(output: bytes) -> tuple[Installed, ...]:
    """Lines ``STATE<tab>NAME<tab>ARCHITECTURE<tab>VERSION``; others are left out."""
    found = []
    for line in cleaned_lines(output):
        fields = line.split("\t")
        if len(fields) >= 3 and fields[0].strip() and fields[1]:
            version = fields[3] if len(fields) > 3 else ""
            found.append(Installed(fields[0].rstrip(), fields[1], fields[2], version))
    return tuple(found)


def parse_unusual(output: bytes) -> tuple[Installed, ...] | None:
    """What is not simply installed or gone; None unless dpkg-query ended well (``end 0``)."""
    if not any(line == "end 0" for line in cleaned_lines(output)):
        return None
    return parse_packages(output)


def held(packages: tuple[Installed, ...]) -> tuple[str, ...]:
    """Names with the hold mark, of packages that are there at all."""
    return tuple(sorted({p.name for p in packages if p.state[0] == "h" and p.state[1:2] != "n"}))


def broken(packages: tuple[Installed, ...]) -> tuple[BrokenPackage, ...]:
    """Packages that dpkg has half done."""
    found = {
        BrokenPackage(p.name, p.state)
        for p in packages
        if p.state[1:2] in tuple(_HALF_DONE) or p.state[2:3] == "R"
    }
    return tuple(sorted(found, key=lambda b: (b.name, b.state)))


def parse_sources(output: bytes) -> dict[tuple[str, str], str]:
    """Source packages by name and architecture, from ``NAME<tab>ARCHITECTURE<tab>SOURCE``.

    Under an empty architecture too, for lines of apt that only have the name.
    """
    found = {}
    for line in cleaned_lines(output):
        fields = line.split("\t")
        if len(fields) == 3 and all(fields):
            found[fields[0], fields[1]] = found[fields[0], ""] = fields[2]
    return found


def parse_journal(output: bytes) -> bool | None:
    """Whether dpkg was interrupted: entries with names of digits only. None if not looked."""
    found = list(pairs(output))
    if ("seen", "all") not in found:
        return None
    return any(key == "entry" and value.isdigit() for key, value in found)


def parse_lock(output: bytes) -> tuple[bool, LockHolder | None]:
    """Whether the locks could be looked at, and who holds one of them.

    A lock of another process namespace has no process here; its number is then 0 or -1
    (fs/locks.c of Linux, ``locks_translate_pid``).
    """
    looked, holder = False, None
    for line in cleaned_lines(output):
        if line == "seen=all":
            looked = True
        words = line.split(" ", 3)
        if words[0] == "runs" and len(words) == 3 and holder is not None and holder.pid:
            same = whole_number(words[1], 2**31) == holder.pid
            age = whole_number(words[2], 2**31) if same else holder.running_s
            holder = replace(holder, running_s=age)
        if len(words) >= 3 and words[0] == "held" and holder is None:
            holder = LockHolder(
                whole_number(words[2], 2**31) or None,
                (words[3].strip() or None) if len(words) > 3 else None,
            )
    return looked, holder
