"""``hostshift demo``: the embedded fleet. The screens on it are opened by ``tui.__main__``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.model.facts import Look
    from engine.model.plan import Plan
    from engine.session import Session

WALK_HOST = "server2"
WALK_CANDIDATE = "upgrade"
_RUN_PATIENCE_S = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``demo``."""
    parser.add_argument(
        "--status", action="store_true", help="print the fleet's status table instead of screens"
    )
    parser.add_argument(
        "--walk",
        action="store_true",
        help="without screens: status, a plan, its run with the log, status; so also done where "
        "there is no terminal",
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        metavar="FACTOR",
        help="how long a second of the hosts' programs takes: 1 is like life (the screens), "
        "0 waits for nothing (elsewhere)",
    )


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 10:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 10")
    return value


def is_headless(args: argparse.Namespace) -> bool:
    """Whether these arguments ask for text instead of screens."""
    return bool(args.status or args.walk)


def open_session(args: argparse.Namespace) -> AbstractAsyncContextManager[Session]:
    """The session that the screens open on."""
    from engine.demo import open_demo

    speed = 1.0 if args.speed is None else args.speed
    return open_demo(speed=speed, read_only=args.read_only)


def run(args: argparse.Namespace) -> int:
    """Print the fleet's status, or walk through an upgrade; 0 when all went as it should."""
    try:
        return asyncio.run(_status(args) if args.status else _walk(args))
    except asyncio.CancelledError:
        return 143  # asked to end (SIGTERM, SIGHUP), and everything is tidied up


def _open(args: argparse.Namespace) -> AbstractAsyncContextManager[Session]:
    from engine.demo import open_demo

    return open_demo(speed=args.speed or 0.0, read_only=args.read_only)


async def _status(args: argparse.Namespace) -> int:
    async with _open(args) as session:
        print("demo: every host is a directory of this machine; one can't be reached on purpose")
        await _print_table(session)
    return 0


async def _print_table(session: Session) -> dict[str, Look]:
    from engine.commands.status_text import in_the_way, table
    from engine.facts import look

    found: dict[str, Look] = {}

    def remember(seen: Look) -> None:
        found[seen.host] = seen

    await look(session, session.inventory.hosts, "full", remember)
    pairs = [(host, found[host.name]) for host in session.inventory.hosts]
    now = session.clock.now()
    print(table(pairs, now) + in_the_way(pairs, now), end="", flush=True)
    return found


async def _walk(args: argparse.Namespace) -> int:
    """What a person would do with the screens, as text."""
    from engine.commands.plan import shown
    from engine.plan import make_plan

    async with _open(args) as session:
        print("demo: a walk without screens; every host is a directory of this machine\n")
        looks = await _print_table(session)
        host, facts = session.inventory.host(WALK_HOST), looks[WALK_HOST].facts
        if facts is None:
            print(f"{WALK_HOST} could not be looked at: {looks[WALK_HOST].error}", file=sys.stderr)
            return 1
        plan = make_plan(host, facts, WALK_CANDIDATE, session.clock.now())
        print(f"\n{shown((plan,))}")
        if session.read_only:
            print("Read-only: the walk ends here.")
            return 0
        state = await _carry_out(session, plan)
        print()
        await _print_table(session)
        return 0 if state == "succeeded" else 1


async def _carry_out(session: Session, plan: Plan) -> str:
    """Run the walk's plan, print its log as it comes, and return the state it ended in."""
    from engine import runs
    from engine.text import clean

    run_id = await runs.start(session, plan, plan.digest)
    print(f"run {run_id}")
    ended = asyncio.create_task(runs.wait(session, run_id, patience_s=_RUN_PATIENCE_S))
    offsets = {step.id: 0 for step in plan.steps}
    last = False
    while True:
        for step, offset in offsets.items():
            data = runs.read_log(session, run_id, step, offset, 1 << 20)
            offsets[step] = offset + len(data)
            print(clean(data), end="", flush=True)
        if last:
            break
        last = ended.done()
        await asyncio.sleep(0.1)
    run = await ended
    for text in (*run.reason, *([run.hint] if run.hint else ())):
        print(f"  {text}")
    print(f"run {run_id}: {run.state}")
    return run.state
