"""``hostshift answer``: open the gate at which a run waits, or end the run there."""

from __future__ import annotations

import argparse
import asyncio

from engine.commands.following import exit_status, follow, told, until_ctrl_c
from engine.errors import InputError
from engine.inventory import Inventory
from engine.model.run import Run
from engine.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``answer``."""
    parser.add_argument("run_id", metavar="RUN", help="the run's id, from `hostshift runs`")
    parser.add_argument("answer", choices=("go-on", "end"), help="open the gate, or end the run")
    parser.add_argument("--step", metavar="STEP", help="the gate; needed only for scripts")
    parser.add_argument("--because", metavar="WORDS", default="", help="why, for the journal")
    parser.add_argument(
        "--confirm", metavar="HOST", default="", help="the host's name, which go-on wants"
    )


def run(args: argparse.Namespace) -> int:
    """Answer; where nobody drives the run, carry it on from here."""
    from engine import door

    return asyncio.run(_answer(args, door.load(args.inventory)))


async def _answer(args: argparse.Namespace, inventory: Inventory) -> int:
    from engine import door

    session = door.open_session(inventory, read_only=args.read_only)
    try:
        await door.open_runs(session)
        before = door.get(session, args.run_id)
        if args.answer == "go-on" and not args.confirm:
            raise InputError(
                f"To go on touches {before.host}, which wants a confirmation.",
                hint=f"Add --confirm {before.host}",
            )
        await door.answer(
            session,
            args.run_id,
            args.step,
            args.answer,
            words=args.because,
            confirmation=args.confirm,
        )
        if before.owner is not None and before.owner_alive:
            told(f"{before.host}: {before.owner} drives the run and takes the answer.")
            return 0
        return await until_ctrl_c(_follow(session, before), (args.run_id,))
    finally:
        await door.close(session)
        await session.transport.close()


async def _follow(session: Session, answered: Run) -> int:
    from engine import door

    door.resume(session, answered.id, take_over=True)
    return exit_status(await follow(session, answered.id, prefixed=False, answered=answered))
