"""``hostshift calibration``: what was predicted of past runs against what came of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from engine.commands.recorded import recorded
from engine.risk import parameters
from engine.runs.calibration import LEAST_EVENTS, Lesson, Line, Outcome, lesson, lines, outcomes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``calibration``."""
    parser.add_argument("--json", action="store_true", help="as JSON (schema 1)")


def run(args: argparse.Namespace) -> int:
    """Read the record of runs; asks no host and changes nothing."""
    found, learned = asyncio.run(_found(args))
    if args.json:
        json.dump(document(found, learned), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(shown(found, learned))
    return 0


async def _found(args: argparse.Namespace) -> tuple[tuple[Outcome, ...], Lesson]:
    from engine import door

    async with recorded(args) as session:
        read = []
        for one in door.list_runs(session):
            plan = door.plan_of(session, one.id)
            if plan is not None:
                cutover = door.cutover_view(session, one.id)
                read.append((one, plan, cutover.outage_s if cutover else None))
        hosts = session.inventory.hosts
        found = outcomes(read)
        return found, lesson(found, parameters(hosts[0].risk if hosts else ()))


def document(found: Sequence[Outcome], learned: Lesson) -> dict[str, Any]:
    """As plain data (schema 1, docs/risk.md)."""
    return {
        "schema": 1,
        "interval": "Wilson, 95 %",
        "lines": [{**asdict(line), "fits": line.fits} for line in lines(found)],
        "lesson": {
            **asdict(learned),
            "ways": dict(learned.ways),
            "numbers": dict(learned.numbers),
        },
        "runs": [{**asdict(one), "chances": dict(one.chances)} for one in found],
    }


def shown(found: Sequence[Outcome], learned: Lesson) -> str:
    """For people."""
    if not found:
        return "No run has acted and ended yet, so nothing can be compared.\n"
    rows: list[tuple[str, ...]] = [
        ("CANDIDATE", "RUNS", "PREDICTED", "WENT WRONG", "REPAIRED", "SHARE (95 %)", "")
    ]
    rows += [_row(line) for line in lines(found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = [
        "  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    measured = [one for one in found if one.outage_s is not None]
    text.append("")
    text += [
        f"{one.run}  {one.kind} on {one.host}: {one.expected} to {one.bad_day} minutes "
        f"predicted, {(one.outage_s or 0.0) / 60:.1f} measured from outside"
        for one in measured
    ]
    if len(measured) < len(found):
        text.append(f"Minutes of outage were not measured in {len(found) - len(measured)} runs.")
    text += ["", *_lesson(learned), ""]
    return "\n".join(text)


def _row(line: Line) -> tuple[str, ...]:
    return (
        line.kind,
        str(line.runs),
        f"{line.predicted:.2g}",
        str(line.wrong),
        str(line.repaired),
        f"{line.low:.1%} to {line.high:.1%}",
        "fits" if line.fits else "does not fit",
    )


def _lesson(learned: Lesson) -> list[str]:
    of = f"{learned.wrong} of {learned.runs} runs with the numbers of today went wrong"
    ways = ", ".join(f"{mode} {number}" for mode, number in learned.ways if number)
    of += f" ({ways})" if ways else ""
    if not learned.numbers:
        return [f"Nothing is learned yet: {of}, and it takes {LEAST_EVENTS}."]
    return [
        f"{of}. To count with that, put into the inventory (and take out to go back):",
        "",
        "[risk]",
        *(f"{name} = {value:g}" for name, value in learned.numbers),
    ]
