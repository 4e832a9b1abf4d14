"""``sshd -t`` and ``visudo -c``: whether both would take their configuration as it is now."""

from __future__ import annotations

import re

from engine.model.facts import RefusedConfig
from engine.programs.lines import pairs, single
from engine.text import clean_line

_SYNTAX = re.compile(r"\b(?:syntax|parse) error\b", re.IGNORECASE)
"""What visudo says where sudo refuses the file; modes and owners that it dislikes too are no such
case (visudo.c of sudo 1.8 and 1.9)."""
_TELLING = re.compile(r"\bline \d+|:\d+")
"""The line of a file stands in what is worth showing."""


def parse(output: bytes) -> tuple[RefusedConfig, ...]:
    """The programs whose configuration fails their own test, each with the words that say where."""
    status = single(output)
    found = []
    for program in ("sshd", "visudo"):
        if status.get(program) in (None, "0", "124", "137"):
            continue
        said = [value for key, value in pairs(output) if key == f"{program}-says"]
        if program == "visudo":
            said = [line for line in said if _SYNTAX.search(line)]
        told = [line for line in said if _TELLING.search(line)] or said
        if told:
            found.append(RefusedConfig(program, clean_line(told[0].strip("<> "), 300)))
    return tuple(found)
