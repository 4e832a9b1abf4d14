"""Status for people: an aligned table that fits 80 columns, and one host in detail."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime

from engine.candidates import foresee, recommended, risk_shown, what_blocks
from engine.model.candidate import Candidate
from engine.model.facts import Facts, Look
from engine.model.host import Host
from engine.risk.words import in_words

WIDTH = 80
_HEAD = ("HOST", "OS", "PEND", "SEC", "REBOOT", "WAITING", "ADVICE", "RISK")
_RIGHT = {2, 3}
_WIDEST = {0: 18, 1: 16}
"""Columns that are cut when they are wider: names can be long, numbers never are."""

Pair = tuple[Host, Look]


def table(pairs: Sequence[Pair], now: datetime) -> str:
    """One line a host, with a head, and ``-`` for what isn't known."""
    rows = [_HEAD, *(_row(host, look, now) for host, look in pairs)]
    cut = [tuple(_cut(cell, _WIDEST.get(i, WIDTH)) for i, cell in enumerate(row)) for row in rows]
    widths = [max(len(row[i]) for row in cut) for i in range(len(_HEAD))]
    return "".join(_line(row, widths) for row in cut)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        cell.rjust(width) if i in _RIGHT else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip() + "\n"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _row(host: Host, look: Look, now: datetime) -> tuple[str, ...]:
    facts = look.facts
    if facts is None:
        kind = look.error.kind if look.error else "no answer"
        return (host.name, f"({kind})", "-", "-", "-", "-", "-", "-")
    foreseen = foresee(host, facts, now)
    packages = facts.packages
    return (
        host.name,
        _system(facts),
        _number(packages.upgradable if packages else None),
        _number(packages.security if packages else None),
        {True: "due", False: "no", None: "-"}[facts.reboot.required],
        foreseen.waiting.level if foreseen.waiting else "-",
        foreseen.recommendation.kind if foreseen.recommendation else "-",
        _risk(risk_shown(foreseen)),
    )


def in_the_way(pairs: Sequence[Pair], now: datetime) -> str:
    """Below the table: what forbids acting on hosts where there is something to do, a line each."""
    found = []
    for host, look in pairs:
        blocker = None if look.facts is None else what_blocks(foresee(host, look.facts, now))
        if blocker is not None:
            remedy = blocker.remedy.partition("\n")[0]
            found.append((host.name, f"blocked ({blocker.id}); remedy: {remedy}"))
    width = max((len(name) for name, _ in found), default=0)
    lines = (_cut(f"{name.ljust(width)}  {text}", WIDTH) for name, text in found)
    return "".join(f"{line}\n" for line in ("", *lines)) if found else ""


def _system(facts: Facts) -> str:
    system = facts.os
    if system.id and system.version_id:
        return f"{system.id} {system.version_id}"
    return system.pretty_name or system.id or "-"


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)


def _risk(candidate: Candidate | None) -> str:
    if candidate is None or candidate.risk is None:
        return "-"
    return f"{candidate.risk.score} {candidate.risk.level}"


def failures(pairs: Sequence[Pair]) -> str:
    """Why hosts weren't looked at, or not wholly: one paragraph each, for standard error."""
    found = []
    for host, look in pairs:
        if look.error is not None:
            found.append(f"{host.name}: {look.error.message}\n  hint: {look.error.hint}\n")
    return "".join(found)


def details(host: Host, look: Look, now: datetime) -> str:
    """One host: what to do and why, what waiting means, each candidate with its blockers."""
    if look.facts is None:
        return ""
    foreseen = foresee(host, look.facts, now)
    lines = ["", f"{host.name} ({look.facts.depth} look)"]
    if foreseen.recommendation is not None:
        lines.append(f"  advice: {foreseen.recommendation.kind}")
        lines += _wrapped(foreseen.recommendation.why, 4)
    if foreseen.waiting is not None:
        due = foreseen.waiting.due_days
        within = "" if due is None else f", act within {due} days"
        lines.append(f"  waiting: {foreseen.waiting.level}{within}")
        lines += _wrapped(foreseen.waiting.reasons, 4)
    lines.append("  candidates:")
    for candidate in foreseen.candidates:
        lines += _candidate(candidate, candidate is recommended(foreseen))
    lines += _wrapped([f"not read: {p.section}: {p.message}" for p in look.facts.problems], 2)
    return "\n".join(lines) + "\n"


def _candidate(candidate: Candidate, explained: bool) -> list[str]:
    """A candidate; the parts of its risk only where it is the advice, or the page gets long."""
    risk = _risk(candidate)
    shown = "" if risk == "-" else f"  [risk {risk}]"
    lines = [f"    {candidate.id}: {candidate.title}{shown}"]
    if candidate.risk is not None and explained:
        lines += _wrapped([" ".join(in_words(candidate.risk))], 6)
        for factor in candidate.risk.factors:
            worst = ", counted as the worse" if factor.origin == "unknown" else ""
            mark = f" ({factor.origin}{worst})"
            text = f"{factor.points:+d} {factor.id}: {factor.value}; {factor.evidence}{mark}"
            lines += _wrapped([text], 6)
    for blocker in candidate.blockers:
        lines += _wrapped([f"blocked ({blocker.id}): {blocker.message}"], 6)
        lines += [f"        remedy: {blocker.remedy}".replace("\n", "\n" + " " * 16)]
    return lines


def _wrapped(texts: Sequence[str], indent: int) -> list[str]:
    space = " " * indent
    return [
        line
        for text in texts
        for line in textwrap.wrap(
            text,
            WIDTH,
            initial_indent=f"{space}- ",
            subsequent_indent=f"{space}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
