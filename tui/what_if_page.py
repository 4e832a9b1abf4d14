"""What the What-if screen says: as it is, and as it would be, which is marked as supposed."""

from __future__ import annotations

from collections.abc import Collection

from engine.candidates.what_if import SUPPOSITIONS
from engine.model.candidate import Candidate, Foresight, Waiting
from engine.model.facts import Facts
from engine.model.host import Host
from tui.commands import BY_ID, keys_of
from tui.widgets.sheet import Page
from tui.words import LEVEL_TONES, Tone, count

FIRST = 2
"""Reasons of an advice that are shown."""
_NAME = 24


def what_if_page(
    host: Host, facts: Facts, as_is: Foresight, supposed: Foresight, ids: Collection[str]
) -> Page:
    """The suppositions with their keys, then risk, waiting and advice twice."""
    page = Page().heading("Suppose that")
    for one in SUPPOSITIONS:
        key, chosen = keys_of(BY_ID[f"suppose_{one.id}"]), one.id in ids
        why_not = one.why_not(host, facts)
        mark: tuple[str, Tone] = ("[x] ", "warn") if chosen else ("[ ] ", "muted")
        words = one.words(host) if why_not is None else f"{one.words(host)}: {why_not}"
        tone: Tone = "muted" if why_not else "strong" if chosen else "plain"
        page.line((f"{key} ", "accent"), mark, (words, tone), hang=6)
    if ids:
        page.gap().text("SUPPOSED, not as it is: nothing of this is remembered.", "warn")
    page.heading("Risk of acting")
    for candidate in as_is.candidates:
        _pair(page, candidate.id, _risk(candidate), _risk(supposed.candidate(candidate.id)))
    page.heading("Risk of waiting")
    _pair(page, "none", _waiting(as_is.waiting), _waiting(supposed.waiting))
    page.heading("Advice")
    now = as_is.recommendation.kind if as_is.recommendation else "none is known"
    then = supposed.recommendation
    _pair(
        page, "the doctrine's", (now, "strong"), (then.kind if then else "none is known", "strong")
    )
    for reason in then.why[:FIRST] if then else ():
        page.item(reason)
    return page


_Said = tuple[str, Tone]


def _pair(page: Page, name: str, as_is: _Said, supposed: _Said) -> None:
    """As it is, and below it as it would be; what stays the same is said once."""
    page.line((f"{name:<{_NAME}}", "muted"), as_is, hang=_NAME)
    if supposed[0] != as_is[0]:
        page.line((" " * _NAME, "plain"), ("→ supposed: ", "warn"), supposed, hang=_NAME)


def _risk(candidate: Candidate | None) -> _Said:
    if candidate is None or candidate.risk is None:
        return ("not there", "muted")
    risk = candidate.risk
    said = f"{risk.score} {risk.level}"
    if risk.one_in is not None:
        said += f", about 1 in {risk.one_in}"
    minutes = risk.outage_minutes
    said += f", {minutes.expected:,} to {count(minutes.bad_day, 'minute')}"
    if candidate.blockers:
        said += f", blocked ({candidate.blockers[0].id})"
    return (said, LEVEL_TONES[risk.level])


def _waiting(waiting: Waiting | None) -> _Said:
    if waiting is None:
        return ("not known", "muted")
    due = "" if waiting.due_days is None else f", due in {count(waiting.due_days, 'day')}"
    return (f"{waiting.level}{due}", LEVEL_TONES[waiting.level])
