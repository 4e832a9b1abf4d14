"""Frames of engine/host/probe.sh, taken apart.

Every frame line starts with a nonce that was made for this one probe, so that no output of a
host's program can be taken for a frame.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.families.protocol import Section
from engine.programs.lines import whole_number


def new_nonce() -> str:
    """A word that output can't guess: 128 bits as letters and digits."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class ProbeOutput:
    """The sections by name.

    Attributes:
        complete: The probe's last line came.
        unfinished: The section that was begun and did not end, if any.
    """

    sections: Mapping[str, Section] = field(default_factory=dict)
    complete: bool = False
    unfinished: str | None = None


def take_apart(output: bytes, nonce: str) -> ProbeOutput:
    """The sections of a probe's output; never raises."""
    marker = f"\n{nonce} ".encode("ascii")
    sections: dict[str, Section] = {}
    complete = False
    name: str | None = None
    body = b""
    tail: tuple[bytes, str | None] | None = None
    pieces = (b"\n" + output).split(marker)
    for piece in pieces[1:]:
        head, _, rest = piece.partition(b"\n")
        verb, _, argument = head.decode("ascii", "replace").partition(" ")
        if verb == "begin":
            name, body, tail = argument, rest, None
        elif verb == "tail" and name == argument:
            tail = (rest, None)
        elif verb == "status" and tail is not None:
            tail = (tail[0] + rest, argument)
        elif verb == "end" and name is not None and tail is not None:
            limit = whole_number(argument.partition(" ")[2])
            sections[name] = _section(name, body, tail, limit)
            name = None
        elif verb == "done":
            complete = True
    return ProbeOutput(sections, complete, name)


def _section(name: str, body: bytes, tail: tuple[bytes, str | None], limit: int | None) -> Section:
    status = whole_number(tail[1], 255)
    if status in (124, 137):  # what timeout(1) and the probe's own watchdog end with
        status = None
    truncated = limit is not None and len(body) >= limit
    return Section(name, body, status, truncated, tail[0].strip(b"\n"))
