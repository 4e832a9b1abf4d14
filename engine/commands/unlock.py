"""``hostshift unlock``: break the lock that a run left behind on a host, on evidence only."""

from __future__ import annotations

import argparse
import asyncio

from engine.commands.following import told
from engine.errors import InputError
from engine.inventory import Inventory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``unlock``."""
    parser.add_argument("host", metavar="HOST", help="the host that is locked")
    parser.add_argument("--because", metavar="REASON", help="why; kept on the host")
    parser.add_argument(
        "--confirm", metavar="HOST", default="", help="the host's name; without it only a look"
    )


def run(args: argparse.Namespace) -> int:
    """Show the evidence; with a confirmation and a reason, break the lock where it allows that."""
    from engine import door

    return asyncio.run(_unlock(args, door.load(args.inventory)))


async def _unlock(args: argparse.Namespace, inventory: Inventory) -> int:
    from engine import door

    session = door.open_session(inventory, read_only=args.read_only)
    try:
        for line in await door.lock_evidence(session, args.host):
            print(line)
        if not args.confirm:
            return 0
        if not (args.because or "").strip():
            raise InputError(
                "Breaking a lock wants a reason, which the host keeps.", hint="Add --because REASON"
            )
        await door.break_lock(session, args.host, confirmation=args.confirm, reason=args.because)
        told(f"{args.host}: the lock was broken; the host keeps a record of it")
        return 0
    finally:
        await door.close(session)
        await session.transport.close()
