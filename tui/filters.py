"""Filters of tables: words that must all match.

A plain word is found in a row's text, or is one of its state words. ``field:text`` looks at one
field; a leading ``-`` or ``!`` turns a word around.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar


class Searched(Protocol):
    """What a row has to be found by, all in lower case."""

    @property
    def words(self) -> frozenset[str]:
        """State words that match as a whole."""

    @property
    def text(self) -> str:
        """Text that plain words are searched in."""


R = TypeVar("R", bound=Searched)
Fields = Mapping[str, Callable[[R], str]]


def parse(text: str, fields: Fields[R]) -> Callable[[R], bool] | None:
    """A filter from what was typed, or None when it lets everything through."""
    found = (_test(word, fields) for word in text.lower().split())
    tests = [test for test in found if test is not None]
    if not tests:
        return None

    def matches(row: R) -> bool:
        return all(test(row) for test in tests)

    return matches


def _test(word: str, fields: Fields[R]) -> Callable[[R], bool] | None:
    if word[0] in "-!":
        rest = _test(word[1:], fields) if len(word) > 1 else None
        if rest is None:
            return None
        return lambda row: not rest(row)
    name, colon, value = word.partition(":")
    if colon and name in fields:
        field = fields[name]
        return (lambda row: value in field(row)) if value else None
    return lambda row: word in row.words or word in row.text
