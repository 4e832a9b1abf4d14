"""Comparing versions as dpkg does (deb-version(7), "Sorting algorithm")."""

from __future__ import annotations

import re
from functools import total_ordering

_PARTS = re.compile(r"(\D*)(\d*)", re.ASCII)
_LONGEST = 256
"""Characters that are looked at; real versions have a few dozen."""


def _order(character: str) -> int:
    if character == "~":
        return -1
    if character.isalpha():
        return ord(character)
    return ord(character) + 0x110000


def _key(part: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    # The end of a non-digit part sorts after "~" and before everything else: 0 does that. Two
    # keys are compared pairwise, and a missing pair counts as ("", 0), hence the closing one.
    pairs = [
        ((*(_order(c) for c in text), 0), int(digits or 0))
        for text, digits in _PARTS.findall(part)
        if text or digits
    ]
    return (*pairs, ((0,), 0))


@total_ordering
class DebianVersion:
    """A version that sorts as in ``dpkg --compare-versions``; any text is accepted."""

    __slots__ = ("_key",)

    def __init__(self, text: str) -> None:
        text = text[:_LONGEST]
        epoch, colon, rest = text.partition(":")
        if not (colon and epoch.isascii() and epoch.isdigit()):
            epoch, rest = "0", text
        upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
        self._key = (int(epoch), _key(upstream), _key(revision))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DebianVersion) and self._key == other._key

    def __lt__(self, other: DebianVersion) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)
