"""``hostshift runs``: past and live runs, as the store of runs has them; asks no host."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from engine.clock import rfc3339
from engine.commands.recorded import recorded
from engine.model.run import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``runs``."""
    parser.add_argument("--json", action="store_true", help="as JSON (schema 1)")


def run(args: argparse.Namespace) -> int:
    """List them, the newest first."""
    found = asyncio.run(_found(args))
    if args.json:
        json.dump(document(found), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(table(found))
    return 0


async def _found(args: argparse.Namespace) -> tuple[Run, ...]:
    from engine import door

    async with recorded(args) as session:
        return door.list_runs(session)


def document(runs: Iterable[Run]) -> dict[str, Any]:
    """The runs as plain data (schema 1, docs/command-line.md)."""
    return {"schema": 1, "runs": [_run(run) for run in runs]}


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "host": run.host,
        "candidate": run.candidate,
        "state": run.state,
        "operator": run.operator,
        "started_at": rfc3339(run.started_at),
        "ended_at": _moment(run.ended_at),
        "digest": run.digest,
        "steps": [
            {
                "id": step.id,
                "state": step.state,
                "started_at": _moment(step.started_at),
                "ended_at": _moment(step.ended_at),
            }
            for step in run.steps
        ],
    }


def _moment(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


def table(runs: Iterable[Run]) -> str:
    """The runs for people, a line each; what waits for a person says for what."""
    rows = [("RUN", "HOST", "CANDIDATE", "STATE", "OPERATOR", "STARTED", "")]
    rows += [
        (r.id, r.host, r.candidate, r.state, r.operator, rfc3339(r.started_at), _told(r))
        for r in runs
    ]
    if len(rows) == 1:
        return "No runs yet.\n"
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)) for row in rows)
    return "".join(line.rstrip() + "\n" for line in lines)


def _told(run: Run) -> str:
    found = []
    if not run.ended and run.owner is None:
        found.append("nobody drives it: hostshift attach")
    elif not run.ended and run.owner_alive is False:
        found.append(f"its hostshift is gone ({run.owner}): hostshift attach")
    if run.waits_for is not None:
        found.append(f"since {rfc3339(run.since)}: {run.waits_for}")
    return "; ".join(found)
