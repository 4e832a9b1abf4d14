"""Cleaning of text that came from a host, at the point where it enters.

Terminals obey escape sequences, C1 controls (ECMA-48) and bidirectional controls (Unicode TR 9) in
whatever they are shown. Everything from outside passes through `clean` once, before it is stored
or shown; markup is never parsed from it.
"""

from __future__ import annotations

import re
from functools import lru_cache

# ECMA-48: CSI ... final; OSC/DCS/SOS/PM/APC ... ST or BEL; two-character escapes. The 8-bit
# introducers (C1) are taken alike. An unfinished sequence swallows the rest of its line at most.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi, invisible
    "\ud800-\udfff"
    "\U000e0000-\U000e007f]"  # tag characters
)
MAX_LINE = 4_096
"""Characters that are kept of one line; a longer one is cut and the cut is said."""


def decode(data: bytes) -> str:
    """Bytes of a host as text: UTF-8, each invalid byte replaced by U+FFFD."""
    return data.decode("utf-8", "replace")


def rewrite_line(line: str) -> str:
    """What a terminal would show of a line with carriage returns: what follows the last one.

    A carriage return at the very end (CR LF) rewrites nothing.
    """
    if "\r" not in line:
        return line
    parts = [part for part in line.split("\r") if part]
    return parts[-1] if parts else ""


def clean_line(line: str, limit: int = MAX_LINE) -> str:
    """One line without anything a terminal obeys, at most ``limit`` characters and a note.

    A newline in it becomes a blank.
    """
    if line.isprintable() and len(line) <= limit:
        return line
    cut = len(line) > 4 * limit
    if cut:  # bounded work for a line of any length: what it was rewritten to, then its beginning
        line = rewrite_line(line)[: 4 * limit]
    line = _CONTROLS.sub("", rewrite_line(_ESCAPES.sub("", line))).replace("\n", " ")
    if cut or len(line) > limit:
        return line[:limit] + " ... (line cut)"
    return line


def clean(text: str | bytes, limit: int = MAX_LINE) -> str:
    """Text of any number of lines, cleaned line by line; newlines and tabs stay."""
    if isinstance(text, bytes):
        text = decode(text)
    if text.isprintable() and len(text) <= limit:
        return text
    return "\n".join(clean_line(line, limit) for line in text.split("\n"))


@lru_cache(maxsize=65_536)  # a list of ten thousand hosts is sorted at every key
def natural_key(name: str) -> tuple[str | int, ...]:
    """Orders names as people do: server2 before server10."""
    # Words and numbers take turns, so that like is compared with like.
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts))
