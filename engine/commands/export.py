"""``hostshift export``: a run as Markdown for the post-mortem, on standard output."""

from __future__ import annotations

import argparse
import asyncio
import sys

from engine.commands.recorded import recorded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``export``."""
    parser.add_argument("run_id", metavar="RUN", help="the run's id, from `hostshift runs`")
    parser.add_argument(
        "--with-logs", action="store_true", help="add the logs, which may hold secrets"
    )


def run(args: argparse.Namespace) -> int:
    """Print it."""
    sys.stdout.write(asyncio.run(_text(args)))
    return 0


async def _text(args: argparse.Namespace) -> str:
    from engine import door

    async with recorded(args) as session:
        return await door.export(session, args.run_id, with_logs=args.with_logs)
