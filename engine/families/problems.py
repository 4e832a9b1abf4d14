"""What could not be read of a host, said in one place and in the same words."""

from __future__ import annotations

from engine.families.protocol import Section
from engine.model.facts import Problem
from engine.text import clean

_ROOT_HINT = 'Let hostshift become root on this host (become = "sudo") to know this too.'


def first_words(errors: bytes) -> str:
    """The first line of a program's standard error that says something, cleaned."""
    for line in clean(errors).split("\n"):
        if line.strip():
            return line.strip()[:200]
    return ""


def unread(section: Section | None, name: str, what: str) -> Problem:
    """A section that gave no answer.

    Args:
        section: As far as it came.
        name: Of the section.
        what: What is not known now, as the subject of a sentence.
    """
    if section is None:
        return Problem(
            name, f"{what} could not be read: its program isn't there.", f"See what {name} needs."
        )
    words = first_words(section.errors)
    said = f": {words}" if words else ""
    if section.exit_status is None:
        return Problem(
            name,
            f"{what} could not be read within its time{said}.",
            "Look at the host's load and its disks, then probe again.",
        )
    if section.truncated:
        return Problem(
            name,
            f"{what} could not be read: there was more output than the probe takes.",
            "Look at the host by hand.",
        )
    if section.exit_status:
        return Problem(
            name,
            f"{what} could not be read (exit status {section.exit_status}){said}.",
            "Run the program on the host to see its whole answer.",
        )
    return Problem(
        name,
        f"{what} could not be understood{said}.",
        "Look at the host by hand; hostshift expects the program's English output.",
    )


def needs_root(name: str, what: str) -> Problem:
    """A fact that only root can know."""
    return Problem(name, f"{what} can be read by root only.", _ROOT_HINT)
