"""A value that can't be read, with what to write instead."""

from __future__ import annotations

import json
from typing import Final

SHOWN_CHARACTERS: Final = 80


class WrongValue(ValueError):  # noqa: N818 - reads as what it is where it is raised
    """Attributes: message (what is wrong) and suggestion (what to write, where known)."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


def shown(text: str) -> str:
    """Text of the file in quotes: nothing in it that a terminal obeys, and not too much of it."""
    short = text[:SHOWN_CHARACTERS]
    quoted = json.dumps(short, ensure_ascii=not short.isprintable()).replace("\x7f", "\\u007f")
    return quoted if len(text) <= SHOWN_CHARACTERS else f"{quoted}..."


def visible(text: str) -> str:
    """Text with everything that is not printed written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
