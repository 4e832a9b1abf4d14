"""Lines of ``key=value``, as engine/host/probe.sh prints them, and other small reading."""

from __future__ import annotations

from collections.abc import Iterator

from engine.text import clean


def cleaned_lines(output: bytes) -> Iterator[str]:
    """The lines that aren't empty, cleaned and without trailing blanks."""
    for line in clean(output).split("\n"):
        if stripped := line.rstrip():
            yield stripped


def pairs(output: bytes) -> Iterator[tuple[str, str]]:
    """Keys and values of the lines that hold a ``=``."""
    for line in cleaned_lines(output):
        key, equals, value = line.partition("=")
        if equals:
            yield key, value.strip()


def single(output: bytes) -> dict[str, str]:
    """The pairs as a dictionary; a key's first value stands."""
    found: dict[str, str] = {}
    for key, value in pairs(output):
        found.setdefault(key, value)
    return found


def whole_number(text: str | None, largest: int = 2**63) -> int | None:
    """A non-negative whole number of ASCII digits, or None."""
    if not text or len(text) > 20 or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= largest else None
