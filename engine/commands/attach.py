"""``hostshift attach``: follow a live run to its end, whoever started it."""

from __future__ import annotations

import argparse
import asyncio

from engine.commands.following import exit_status, follow, told, until_ctrl_c
from engine.errors import InputError
from engine.inventory import Inventory
from engine.model.facts import Look
from engine.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``attach``."""
    parser.add_argument("run_id", metavar="RUN", help="the run's id, from `hostshift runs`")
    parser.add_argument(
        "--take-over",
        metavar="REASON",
        help="drive it here although another hostshift was heard of lately; the reason is kept",
    )


def run(args: argparse.Namespace) -> int:
    """Follow it; a run that the store doesn't know is looked for on the hosts."""
    from engine import door

    return asyncio.run(_attach(args, door.load(args.inventory)))


async def _attach(args: argparse.Namespace, inventory: Inventory) -> int:
    from engine import door

    session = door.open_session(inventory, read_only=args.read_only)
    try:
        return await until_ctrl_c(_follow(args, session), (args.run_id,))
    finally:
        await door.close(session)
        await session.transport.close()


async def _follow(args: argparse.Namespace, session: Session) -> int:
    from engine import door

    await door.open_runs(session)
    if args.run_id not in {known.id for known in door.list_runs(session)}:
        await _find(session, args.run_id)
    elif args.take_over is not None:
        await door.take_over(session, args.run_id, args.take_over)
    else:
        _resume(session, args.run_id)
    return exit_status(await follow(session, args.run_id, prefixed=False))


def _resume(session: Session, run_id: str) -> None:
    """Follow it, and drive it where its own hostshift is gone: to attach is to take it over."""
    from engine import door

    run = door.get(session, run_id)
    if run.owner is not None and run.owner_alive and not run.ended:
        told(f"{run.host}: driven by {run.owner}; it is carried on here when that is gone")
    door.resume(session, run_id, take_over=True)


async def _find(session: Session, run_id: str) -> None:
    """Look for the run's lock on every host of the inventory."""
    from engine import door

    found: list[Look] = []

    def remember(look: Look) -> None:
        lock = look.facts.lock if look.facts else None
        if lock is not None and lock.run == run_id:
            found.append(look)

    await door.look(session, session.inventory.hosts, "light", remember)
    if not found:
        raise InputError(
            f"There is no run {run_id!r} here, and no host that answered holds its lock.",
            hint="hostshift runs lists those of this machine; its host's lock tells what runs.",
        )
    if await door.adopt(session, found[0]) is None:
        host = found[0].host
        raise InputError(
            f"{host} holds the lock of run {run_id}, but no plan of it: nothing of it has begun.",
            hint=f"hostshift unlock {host} shows when that lock can be broken.",
        )
