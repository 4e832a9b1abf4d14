"""What a job runs, as text: shipped functions, then one quoted line for each thing to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from engine.model.plan import JobAct
from engine.shell import Command, Script

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


_FUNCTIONS: Final = {"grub.sh": ("grub_menu.sh", "grub.sh")}
"""Functions that need others before them; the others stand alone."""


def shipped(name: str) -> str:
    """The text of a file below ``engine/host``."""
    return Script.host(name).text


def with_call(name: str, *words: str, before: str = "") -> Script:
    """A shipped script with a call of its ``main`` as last line, and ``before`` as its beginning.

    Large texts travel as quoted words of that line: a word of a function call is not bound by the
    kernel's limit on arguments, and a script that is cut on its way ends in an open quote, which
    no shell carries out.
    """
    return Script(name, f"{before}{shipped(name)}{Command.of('main', *words).line()}\n")


def job_script(act: JobAct) -> str:
    """The exact text that a job runs (``script`` in its directory).

    Raises:
        ValueError: a variable's name is none, or a word holds a NUL byte.
    """
    lines = [
        shipped("holder.sh"),
        shipped("act.sh"),
        *(shipped(name) for name in _FUNCTIONS.get(act.functions or "", (act.functions,)) if name),
        *(command.line() for command in _calls(act)),
    ]
    return "\n".join(lines) + "\n"


def _calls(act: JobAct) -> Iterator[Command]:
    for name, value in act.environment:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"not the name of a variable: {name!r}")
        yield Command.of("export", f"{name}={value}")
    if act.lock_wait_s is not None:
        yield Command.of("wait_for_lock", str(act.lock_wait_s))
        yield Command.of("hold_off", str(act.lock_wait_s))
    if act.simulation is not None and act.expected is not None:
        for line in act.expected:
            yield Command.of("expect", line)
        yield Command.of("guard", *act.simulation)
    if act.last_simulation is None:
        for words in act.commands:
            yield Command.of("act", *words)
        return
    for words in act.commands[:-1]:
        yield Command.of("try", *words)
    yield Command.of("spare", *act.last_simulation)
    for words in act.commands[-1:]:
        yield Command.of("act", *words)


def json_fields(fields: Mapping[str, str]) -> str:
    """The inside of a JSON object in ASCII, for the host to add its own fields to."""
    return json.dumps(dict(fields), ensure_ascii=True, separators=(",", ":"))[1:-1]
