"""``hostshift plan HOST... replace``: what a replacement would meet, beside its plan."""

from __future__ import annotations

import argparse
import asyncio
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from engine.candidates import foresee
from engine.commands.scanning import Pair
from engine.commands.status import as_text
from engine.errors import HostshiftError
from engine.inventory import Inventory
from engine.model.candidate import Candidate
from engine.model.facts import Facts
from engine.model.host import Host
from engine.plan import blocked_document
from engine.preflight import Report, report_document
from engine.preflight.words import (
    HEADINGS,
    answers_by_words,
    looked_line,
    successor_line,
    volume_line,
)

AT_ONCE = 4


Reports = dict[str, Report | HostshiftError]
"""What was found by the host's name, or why nothing was."""


def reports(args: argparse.Namespace, inventory: Inventory, pairs: Iterable[Pair]) -> Reports:
    """Look at the hosts that were reached for their replacement; tell people what was found.

    A retiring host is passed over: its successor is there.
    """
    reached = [(h, look.facts) for h, look in pairs if look.facts is not None and not h.retiring]
    found = asyncio.run(_examine(args, inventory, reached))
    by_host = {host.name: report for (host, _), report in zip(reached, found, strict=True)}
    for host, report in ((host, by_host[host.name]) for host, _ in reached):
        if isinstance(report, HostshiftError):
            print(
                f"{host.name}: no preflight: {report.message}\n  hint: {report.hint}",
                file=sys.stderr,
            )
        elif not args.json:
            sys.stdout.write(shown(host, report))
    return by_host


def show_blocked(pairs: Iterable[Pair], found: Reports, now: datetime) -> None:
    """The document of hosts whose replacement can't be planned, with what was found."""
    documents = [
        {**blocked_document(host, _candidate(host, look.facts, now), now), **part(found, host.name)}
        for host, look in pairs
        if look.facts is not None and not host.retiring
    ]
    if len(documents) == 1:
        sys.stdout.write(as_text({"schema": 1, **documents[0]}))
    elif documents:
        sys.stdout.write(as_text({"schema": 1, "digest": None, "plans": documents}))


def part(found: Reports, host: str) -> dict[str, Any]:
    """What a host's document has beside its plan."""
    report = found.get(host)
    return {"preflight": report_document(report) if isinstance(report, Report) else None}


async def _examine(
    args: argparse.Namespace, inventory: Inventory, reached: Sequence[tuple[Host, Facts]]
) -> list[Report | HostshiftError]:
    from engine import door

    session = door.open_session(inventory, read_only=args.read_only)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(host: Host, facts: Facts) -> Report | HostshiftError:
        async with gate:
            try:
                return await door.examine(session, host, facts)
            except HostshiftError as error:
                return error

    try:
        return list(await asyncio.gather(*(one(host, facts) for host, facts in reached)))
    finally:
        await session.transport.close()


def _candidate(host: Host, facts: Facts, now: datetime) -> Candidate:
    found = foresee(host, facts, now).candidate("replace")
    if found is None:
        raise AssertionError("every host that is not retiring has the candidate replace")
    return found


def shown(host: Host, report: Report) -> str:
    """A report for people. What the inventory lacks is said by the refusal that follows."""
    lines = [
        f"replace on {host.name}: its successor would be {successor_line(report.successor)}",
        looked_line(report.found),
    ]
    lines += [f"  volume {volume_line(volume)}" for volume in report.found.volumes]
    for named in report.names or ():
        lines += _wrapped(f"name {named.shown}", "  ")
        for said, servers in answers_by_words(named).items():
            lines += _wrapped(f"{said}: {servers}", "    ")
    for level, heading in HEADINGS.items():
        these = [f for f in report.findings if f.level == level and f.id != "replace-incomplete"]
        if these:
            lines.append(f"{heading}:")
        for finding in these:
            lines += _wrapped(f"{finding.id}: {finding.message}", "  ")
            if finding.remedy:
                lines += _wrapped(f"remedy: {finding.remedy}", "    ")
    return "\n".join(lines) + "\n\n"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, 78, initial_indent=indent, subsequent_indent=f"{indent}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
