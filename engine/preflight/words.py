"""What was found, in the few words that both faces use."""

from __future__ import annotations

from collections.abc import Iterable

from engine.dns.survey import Named
from engine.preflight.values import Level, Preflight, Volume
from engine.successor import Successor

FEW = 6
HEADINGS: dict[Level, str] = {
    "stops": "stops a replacement",
    "warns": "for a person to decide",
    "tells": "to be known",
}


def some(words: Iterable[str], few: int = FEW) -> str:
    """The first few of many, and how many more there are."""
    listed = list(words)
    rest = len(listed) - few
    shown = ", ".join(listed[:few])
    return f"{shown} and {rest} more" if rest > 0 else shown


def amount(number: int) -> str:
    """Bytes as people read them: ``1.2 GB`` (powers of ten)."""
    size, units = float(number), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "B" or size >= 100 else f"{size:.1f} {units[0]}"


def successor_line(successor: Successor) -> str:
    """The proposed name, its address where that follows, and why not a nearer one."""
    named = successor.name
    if successor.address not in (None, successor.name):
        named += f", {successor.address}"
    passed = successor.passed_over
    if passed:
        named += f" ({some(passed)} {'is' if len(passed) == 1 else 'are'} taken)"
    return named


def looked_line(found: Preflight) -> str:
    """How the host was looked at."""
    return f"preflight {'as root' if found.privileged else 'without root'}: nothing was changed"


def answers_by_words(named: Named) -> dict[str, str]:
    """Each answer for a name in words, and which servers give it."""
    servers: dict[str, list[str]] = {}
    for answer in named.answers:
        servers.setdefault(answer.shown, []).append(answer.server.shown)
    return {said: ", ".join(given) for said, given in servers.items()}


def volume_line(volume: Volume) -> str:
    """One volume: its path, service, size and what it lies on."""
    name = f"{volume.path} ({volume.service})"
    if volume.state != "directory":
        return f"{name}: {volume.state}"
    if volume.used_bytes is None:
        size = "size unknown"
    else:
        least = "" if volume.whole else "at least "
        entries = "1 entry" if volume.entries == 1 else f"{volume.entries} entries"
        size = f"{least}{amount(volume.used_bytes)}, {entries}"
    on = volume.filesystem
    place = "" if on is None else f", on {on.point} ({on.kind})"
    free = "" if volume.free_bytes is None else f", {amount(volume.free_bytes)} free"
    return f"{name}: {size}{place}{free}"
