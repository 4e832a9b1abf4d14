"""Inhibitor locks, as ``busctl --json=short call ... ListInhibitors`` answers.

The answer's type is ``a(ssssuu)``: what, who, why, mode, user, process (org.freedesktop.login1(5)).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from engine.text import clean_line, decode

_WORD = b"inhibitors "


@dataclass(frozen=True, slots=True)
class Inhibitor:
    """A program that forbids a shutdown."""

    who: str
    why: str
    pid: int | None


def parse(output: bytes) -> tuple[Inhibitor, ...] | None:
    """Who blocks a shutdown, of the line ``inhibitors ANSWER``; () without one, None if unread.

    Locks that only delay are left out: logind waits for those by itself, a few seconds at most
    (logind.conf(5), InhibitDelayMaxSec).
    """
    for line in output.split(b"\n"):
        if line.startswith(_WORD):
            return _answer(decode(line.removeprefix(_WORD)))
    return ()


def _answer(text: str) -> tuple[Inhibitor, ...] | None:
    try:
        rows = json.loads(text)["data"][0]
        return tuple(_row(row) for row in rows if _blocks(row))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _blocks(row: list[object]) -> bool:
    what, mode = str(row[0]), str(row[3])
    # "block-weak" binds all but root and the user of the lock (systemd 257): a person wants it.
    return "shutdown" in what.split(":") and mode.startswith("block")


def _row(row: list[object]) -> Inhibitor:
    pid = row[5]
    return Inhibitor(
        clean_line(str(row[1]), 200),
        clean_line(str(row[2]), 200),
        pid if isinstance(pid, int) and not isinstance(pid, bool) else None,
    )
