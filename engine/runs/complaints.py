"""The last errors of a log, as reasons. Pure."""

from __future__ import annotations

from typing import Final

from engine.text import clean_line, decode

TAIL: Final = 256 * 1024
"""Bytes of a log's end in which errors are looked for."""
_SHOWN: Final = 3
_LONGEST: Final = 300


def last_errors(tail: bytes) -> tuple[str, ...]:
    """apt's last error lines ("E: ...", apt-pkg/contrib/error.cc), each once, cleaned."""
    lines = (clean_line(decode(line), _LONGEST).strip() for line in tail.split(b"\n"))
    found = dict.fromkeys(line for line in lines if line.startswith("E: "))
    return tuple(found)[-_SHOWN:]
