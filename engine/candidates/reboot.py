"""``reboot``: what stops by it, and what can be foreseen to stand against it."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.candidate import Blocker, Candidate, Effects
from engine.model.facts import Facts
from engine.model.host import Host

_HALF_WAY = frozenset(
    ["dpkg-lock", "dpkg-interrupted", "dpkg-broken", "dpkg-unknown", "busy", "sshd-config"]
)
"""Blockers of a family's candidates that say that packages are at work, or half done, or that sshd
would not start: the host might not come back. Broken dependencies alone hold up no boot."""


def reboot(host: Host, facts: Facts, others: Iterable[Candidate]) -> Candidate:
    """The candidate, with what stops by it.

    Args:
        others: What the host's family offers in place; what speaks against its programs at all
            speaks against a reboot too.
    """
    running = facts.containers
    blockers = dict.fromkeys(b for c in others for b in c.blockers if b.id in _HALF_WAY)
    return Candidate(
        id="reboot",
        kind="reboot",
        title=_title(facts),
        changes=(),
        effects=Effects(
            reboot=True,
            containers=None if running is None else tuple(sorted(c.name for c in running)),
            conffiles=(),
            download_bytes=0,
            disk_bytes=0,
        ),
        blockers=(*blockers, *_unwatched(host, facts)),
    )


def _title(facts: Facts) -> str:
    first = next(iter(facts.deployments or ()), None)
    if first is None or first.booted or not any(d.booted for d in facts.deployments or ()):
        return "reboot the host"
    return f"reboot the host, into {first.version or 'another deployment'}"


def _unwatched(host: Host, facts: Facts) -> tuple[Blocker, ...]:
    if facts.systemd is not False or host.console:
        return ()
    return (
        Blocker(
            "no-systemd",
            "systemd is not process 1 here, so the reboot can't be watched over; that is only "
            "allowed where somebody can reach the console.",
            f"[hosts.{host.name}] console = true",
        ),
    )
