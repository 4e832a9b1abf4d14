"""``hostshift data``: how old published data are here, and ``hostshift data refresh``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from engine.commands.recorded import inventory_or_empty
from engine.commands.status import as_text
from engine.published.refresh import Outcome, refresh
from engine.published.sources import SOURCES, Standing, standing

SCHEMA = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``data``."""
    parser.add_argument(
        "action", nargs="?", choices=["refresh"], help="fetch them anew; without it, only print"
    )
    parser.add_argument(
        "source",
        nargs="*",
        metavar="SOURCE",
        help=f"only these: {', '.join(source.name for source in SOURCES)}",
    )
    parser.add_argument("--json", action="store_true", help="as JSON (schema 1)")


def run(args: argparse.Namespace) -> int:
    """Print what is in force; with ``refresh`` fetch first. No host is asked."""
    from engine.errors import InputError
    from engine.session import open_session

    unknown = sorted(set(args.source) - {source.name for source in SOURCES})
    if unknown:
        raise InputError(
            f"There are no data called {', '.join(unknown)}.",
            hint=f"There are: {', '.join(source.name for source in SOURCES)}.",
        )
    today = datetime.now(UTC).date()
    inventory = inventory_or_empty(args)
    session = open_session(inventory, read_only=args.read_only)
    outcomes: tuple[Outcome, ...] = ()
    if args.action == "refresh":
        from engine.facts.changelogs import pending_cves

        session.must_be_allowed_to_change("fetching published data")
        cves = pending_cves(session.state_dir)
        outcomes = asyncio.run(
            refresh(session.state_dir, today, cves, args.source, inventory.data_addresses)
        )
    here = standing(session.state_dir)
    if args.json:
        sys.stdout.write(as_text(document(here, outcomes)))
    else:
        sys.stdout.write(shown(here, outcomes, today))
    return 1 if any(one.state == "failed" for one in outcomes) else 0


def document(here: Sequence[Standing], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """As plain data (schema 1, docs/waiting.md)."""
    return {
        "schema": SCHEMA,
        "data": [
            {
                "name": one.source.name,
                "what": one.source.what,
                "licence": one.source.licence,
                "of": None if one.of is None else one.of.isoformat(),
                "fetched": one.fetched,
                "number": one.number,
            }
            for one in here
        ],
        "refreshed": [
            {
                "name": one.name,
                "state": one.state,
                "of": None if one.of is None else one.of.isoformat(),
                "said": one.said,
            }
            for one in outcomes
        ],
    }


def shown(here: Sequence[Standing], outcomes: Sequence[Outcome], today: date) -> str:
    """For people: what came of a refresh, and what is in force."""
    lines = [f"{one.name}: {one.state}, {one.said}" for one in outcomes]
    if any(one.state == "failed" for one in outcomes):
        lines.append("What was here before stays in force where fetching failed.")
    rows = [("NAME", "OF", "AGE", "FROM", "NUMBER", "LICENCE", "WHAT")]
    for one in here:
        age = "-" if one.of is None else f"{(today - one.of).days} d"
        origin = "fetched" if one.fetched else "hostshift" if one.of else "never fetched"
        of = "-" if one.of is None else one.of.isoformat()
        source = one.source
        rows.append((source.name, of, age, origin, str(one.number), source.licence, source.what))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    table = [
        "  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    old = [one.source.name for one in here if one.is_old(today)]
    hint = [] if not old or outcomes else [
        "", f"Old: {', '.join(old)}. To fetch them anew: hostshift data refresh",
    ]  # fmt: skip
    return "\n".join([*lines, *([""] if lines else []), *table, *hint, ""])
