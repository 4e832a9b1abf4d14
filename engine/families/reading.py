"""The sections of a script's answer, read one by one; what gave none is noted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from engine.families.protocol import Section
from engine.programs.lines import single
from engine.text import clean_line, decode

T = TypeVar("T")
Parse = Callable[[bytes, int | None], T | None]


class Reading:
    """What one script told.

    Args:
        of_systemd: Sections that a host without systemd as PID 1 leaves out.

    Attributes:
        about: The section ``host``: what kind of host answers.
        unread: What could not be read, with the reason, in the order in which it was asked for.
    """

    def __init__(self, sections: Mapping[str, Section], of_systemd: Collection[str]) -> None:
        self.about = single(sections["host"].output) if "host" in sections else {}
        self.unread: list[str] = []
        self._sections = sections
        self._of_systemd = of_systemd

    def parsed(self, name: str, parse: Parse[T], what: str) -> T | None:
        """A section's value; None, and noted as unread, where it has none.

        Args:
            what: What isn't known then, in a few words.
        """
        section = self._sections.get(name)
        if section is None:
            without = self.about.get("systemd") == "no" and name in self._of_systemd
            why = "systemd isn't the host's PID 1" if without else "the host did not tell"
            self.unread.append(f"{what}: {why}")
            return None
        value = None if section.truncated else parse(section.output, section.exit_status)
        if value is None:
            self.unread.append(f"{what}: {why_unread(section)}")
        return value


def why_unread(section: Section) -> str:
    """Why a section has no value, in words."""
    if section.truncated:
        return "there is more than is read"
    if section.exit_status is None:
        return "no answer in time"
    said = clean_line(decode(section.errors[-200:])).strip()
    return said or "the answer isn't understood"
