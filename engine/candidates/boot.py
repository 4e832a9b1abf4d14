"""What the next boot would do otherwise: why there is one, which kernel it runs, what starts it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from engine.families.traits import has_trait
from engine.model.candidate import Candidate
from engine.model.facts import Change, Facts
from engine.programs.debian_version import DebianVersion
from engine.programs.kernel import flavour, release_of

_FIRST_PROCESS: Final = ("systemd", "systemd-sysv", "sysvinit-core")
_MOST: Final = 8
"""Packages that are named; a release has them all."""


def boot_chain(changes: Sequence[Change]) -> tuple[str, ...]:
    """The packages that the next boot runs first, each with its versions; by name.

    Kernel, initramfs, boot loader, microcode, what unlocks and assembles disks, and process 1.
    """
    found = sorted(
        (c for c in changes if has_trait(c.name, "boot") or c.name in _FIRST_PROCESS),
        key=lambda c: c.name,
    )
    more = len(found) - _MOST
    lines = tuple(_shown(change) for change in found[:_MOST])
    return (*lines, f"and {more} more") if more > 0 else lines


def _shown(change: Change) -> str:
    if change.action == "remove":
        return " ".join(filter(None, (change.name, change.from_version, "removed")))
    if change.from_version is None:
        return f"{change.name} {change.to_version} new"
    return f"{change.name} {change.from_version} → {change.to_version}"


def next_boot(facts: Facts, candidate: Candidate) -> tuple[str, ...]:
    """Which kernel would run after the boot that it makes or wants, and why, in words."""
    return tuple(_next_boot(facts, candidate))


def _next_boot(facts: Facts, candidate: Candidate) -> Iterator[str]:
    running = facts.kernel.running
    changes = candidate.changes or ()
    coming = _coming(facts, changes)
    if running is None:
        return
    if candidate.effects.reboot or candidate.kind == "reboot":
        if coming is None:
            yield f"kernel {running}, as now, as far as can be told"
        elif coming == running:
            yield f"kernel {running}, as now"
        else:
            goes = any(c.action == "remove" and release_of(c.name) == running for c in changes)
            yield f"kernel {running} → {coming}" + (f"; {running} is removed" if goes else "")
    if candidate.kind == "reboot":
        yield from facts.reboot.reasons


def _coming(facts: Facts, changes: Sequence[Change]) -> str | None:
    """The newest kernel of the running one's flavour among those that come."""
    own = flavour(facts.kernel.running or "")
    found = [
        release
        for change in changes
        if change.action == "install" and (release := release_of(change.name))
    ]
    alike = [release for release in found if flavour(release) == own]
    there = [facts.kernel.expected] if facts.kernel.expected else []
    return max([*alike, *there], key=DebianVersion, default=None)
