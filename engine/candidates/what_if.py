"""What if: one assumption about a host changed, for the same engine to be asked again. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.model.facts import Facts
from engine.model.host import Host, Outage

LATER_DAYS = 7
Asked = tuple[Host, Facts, datetime]


@dataclass(frozen=True, slots=True)
class Supposition:
    """An assumption that can be changed.

    Attributes:
        words: What is supposed, for a host as it is.
        why_not: Why it says nothing about this host; None where it does.
        change: The question with that assumption.
    """

    id: str
    words: Callable[[Host], str]
    why_not: Callable[[Host, Facts], str | None]
    change: Callable[[Host, Facts, datetime], Asked]


def suppose(host: Host, facts: Facts, now: datetime, ids: Collection[str]) -> Asked:
    """The question with these assumptions; unknown and unfit ones change nothing."""
    for one in SUPPOSITIONS:
        if one.id in ids and one.why_not(host, facts) is None:
            host, facts, now = one.change(host, facts, now)
    return host, facts, now


def _always(host: Host, facts: Facts) -> str | None:
    return None


def _backup(host: Host, facts: Facts, now: datetime) -> Asked:
    return host, replace(facts, backup_age_s=0), now


def _later(host: Host, facts: Facts, now: datetime) -> Asked:
    later = timedelta(days=LATER_DAYS)
    up, more = facts.uptime_s, int(later.total_seconds())
    # The lists stay as old: they are taken to be refreshed and to bring nothing new.
    return host, replace(facts, uptime_s=None if up is None else up + more), now + later


def _exposed(host: Host, facts: Facts, now: datetime) -> Asked:
    return replace(host, exposed=host.exposed is False), facts, now


def _console(host: Host, facts: Facts, now: datetime) -> Asked:
    return replace(host, console=host.console is not True), facts, now


def _failover(host: Host, facts: Facts, now: datetime) -> Asked:
    return replace(host, failover_tested=now.date()), facts, now


def _outage(host: Host, facts: Facts, now: datetime) -> Asked:
    return replace(host, outage=_other_outage(host)), facts, now


def _other_outage(host: Host) -> Outage:
    return "tolerable" if host.outage == "unacceptable" else "unacceptable"


SUPPOSITIONS: tuple[Supposition, ...] = (
    Supposition("backup", lambda host: "it was backed up just now", _always, _backup),
    Supposition(
        "later",
        lambda host: f"{LATER_DAYS} days have passed, and nothing new has come out",
        _always,
        _later,
    ),
    Supposition(
        "exposed",
        lambda host: (
            "the internet reaches it" if host.exposed is False else "the internet doesn't reach it"
        ),
        _always,
        _exposed,
    ),
    Supposition(
        "console",
        lambda host: (
            "there is no console"
            if host.console is True
            else "there is a console for when SSH fails"
        ),
        _always,
        _console,
    ),
    Supposition(
        "failover",
        lambda host: "others took over from it today, as a trial",
        lambda host, facts: None if host.redundancy else "it has no redundancy in the inventory",
        _failover,
    ),
    Supposition(
        "outage", lambda host: f"a day without it is {_other_outage(host)}", _always, _outage
    ),
)
"""In the order in which they are shown and applied."""
