"""The last errors of a log, as reasons. Pure."""

from __future__ import annotations

from typing import Final

from engine.text import clean_line, decode

TAIL: Final = 256 * 1024
"""Bytes of a log's end in which errors are looked for."""
_BEGIN: Final = ("E: ", "rsync: ", "rsync error: ")
_SHOWN: Final = 3
_LONGEST: Final = 300


def last_errors(tail: bytes) -> tuple[str, ...]:
    """The last error lines of apt (apt-pkg/contrib/error.cc) and rsync (rsync's log.c), each once,
    cleaned."""
    lines = (clean_line(decode(line), _LONGEST).strip() for line in tail.split(b"\n"))
    found = dict.fromkeys(line for line in lines if line.startswith(_BEGIN))
    return tuple(found)[-_SHOWN:]
