"""Debian changelogs and NEWS files (deb-changelog(5)): what is new from one version to another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime

from engine.programs.debian_version import DebianVersion
from engine.text import clean

_HEADER = re.compile(r"([A-Za-z0-9][\w.+-]*) \(([\w.+:~-]+)\)([^;]*);(.*)", re.ASCII)
_TRAILER = re.compile(r" -- .*>\s+(\S.*)", re.ASCII)
_CVE = re.compile(r"\bCVE-\d{4}-\d{4,19}(?!\d)", re.ASCII)
_URGENCY = re.compile(r"\burgency=([A-Za-z]+)", re.ASCII)
_CLOSES = re.compile(r"(?ia)closes:\s*((?:bug)?#?\s?\d+(?:,\s*(?:bug)?#?\s?\d+)*)")
"""dpkg's own (deb-changelog(5)); looked for in the text of a whole entry, which may wrap it."""
MOST_LINES = 400
"""Lines that are kept of one entry; a new upstream kernel's has thousands."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version's entry.

    Attributes:
        written: The day in its last line, in the zone of whoever wrote it; None: not readable.
        urgency: In lower case, such as ``medium``.
        cves: Each that it names, in their order; it may also name one to say that it isn't fixed.
        closes: Numbers of Debian's bugs.
        lines: Its text, cleaned, without the first and the last line.
    """

    source: str
    version: str
    written: date | None = None
    urgency: str | None = None
    cves: tuple[str, ...] = ()
    closes: tuple[int, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """What came after the installed version, up to the candidate's, the newest first.

    Attributes:
        complete: The text goes back to the installed version or further.
    """

    entries: tuple[Entry, ...] = ()
    complete: bool = False


def between(output: bytes, installed: str, candidate: str) -> News:
    """The entries of versions above ``installed`` and up to ``candidate``.

    Versions are those of the binary package. A rebuild of the same source (``+b1``) has none.
    """
    low, high = DebianVersion(installed), DebianVersion(candidate)
    found: list[Entry] = []
    head: re.Match[str] | None = None
    body: list[str] = []

    def close(written: date | None) -> None:
        if head is not None and low < DebianVersion(head[2]) <= high:
            found.append(_entry(head, body, written))

    for line in clean(output).split("\n"):
        if header := _HEADER.fullmatch(line):
            close(None)  # the last line of the former is missing
            head, body = header, []
            if DebianVersion(header[2]) <= low:
                return News(tuple(found), complete=True)
        elif head is not None and (trailer := _TRAILER.fullmatch(line)):
            close(_day(trailer[1]))
            head = None
        elif head is not None:
            body.append(line)
    close(None)
    return News(tuple(found))


def _entry(head: re.Match[str], body: list[str], written: date | None) -> Entry:
    text = " ".join(line.strip() for line in body)
    urgency = _URGENCY.search(head[4])
    closes = (n for found in _CLOSES.findall(text) for n in re.findall(r"\d+", found))
    while body and not body[-1].strip():
        body.pop()
    while body and not body[0].strip():
        body.pop(0)
    return Entry(
        source=head[1],
        version=head[2],
        written=written,
        urgency=urgency[1].lower() if urgency else None,
        cves=tuple(dict.fromkeys(_CVE.findall(text))),
        closes=tuple(dict.fromkeys(int(number[:12]) for number in closes)),
        lines=tuple(body[:MOST_LINES]),
    )


def _day(text: str) -> date | None:
    try:
        return parsedate_to_datetime(text).date()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
