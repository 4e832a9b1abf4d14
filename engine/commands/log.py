"""``hostshift log``: the bytes of a run's log as they came, and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import sys

from engine.commands.recorded import recorded
from engine.errors import HostshiftError, InputError

BLOCK = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``log``."""
    parser.add_argument("run_id", metavar="RUN", help="the run's id, from `hostshift runs`")
    parser.add_argument("step", metavar="STEP", nargs="?", help="one step of it; all without")


def run(args: argparse.Namespace) -> int:
    """Copy the local mirror to standard output."""
    return asyncio.run(_copy(args))


async def _copy(args: argparse.Namespace) -> int:
    from engine import door

    async with recorded(args) as session:
        steps = [step.id for step in door.get(session, args.run_id).steps]
        if args.step is not None and args.step not in steps:
            raise InputError(
                f"Run {args.run_id} has no step {args.step!r}.",
                hint=f"Its steps: {', '.join(steps)}",
            )
        wanted = [args.step] if args.step else steps
        for step in wanted:
            offset = 0
            while block := door.read_log(session, args.run_id, step, offset, BLOCK):
                sys.stdout.buffer.write(block)
                offset += len(block)
        sys.stdout.flush()
        lacking = set(door.lacking_logs(session, args.run_id)) & set(wanted)
        if lacking:
            raise HostshiftError(
                f"The log of {', '.join(sorted(lacking))} is not on this machine (yet).",
                hint=f"hostshift attach {args.run_id} copies it from the host.",
            )
    return 0
