"""``hostshift stop``: end a run before its next step, after the transaction in hand."""

from __future__ import annotations

import argparse
import asyncio

from engine.commands.following import exit_status, follow, told, until_ctrl_c
from engine.inventory import Inventory
from engine.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``stop``."""
    parser.add_argument("run_id", metavar="RUN", help="the run's id, from `hostshift runs`")
    parser.add_argument(
        "--hard", action="store_true", help="end its processes at once; dpkg may be left half-way"
    )
    parser.add_argument(
        "--confirm", metavar="HOST", default="", help="the host's name, which --hard wants"
    )


def run(args: argparse.Namespace) -> int:
    """Ask it to stop and follow it to its end."""
    from engine import door

    return asyncio.run(_stop(args, door.load(args.inventory)))


async def _stop(args: argparse.Namespace, inventory: Inventory) -> int:
    from engine import door

    session = door.open_session(inventory, read_only=args.read_only)
    try:
        await door.open_runs(session)
        await door.stop(session, args.run_id, hard=args.hard, confirmation=args.confirm)
        told(f"{door.get(session, args.run_id).host}: asked to stop")
        return await until_ctrl_c(_follow(args, session), (args.run_id,))
    finally:
        await door.close(session)
        await session.transport.close()


async def _follow(args: argparse.Namespace, session: Session) -> int:
    from engine import door

    door.resume(session, args.run_id)
    status = exit_status(await follow(session, args.run_id, prefixed=False))
    return 0 if door.get(session, args.run_id).ended else status
