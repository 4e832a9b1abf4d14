"""``hostshift run``: carry out a confirmed plan without the screens, logs to standard output."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence

from engine.commands.following import exit_status, follow, told, until_ctrl_c
from engine.commands.plan import add_take, plan_all
from engine.commands.scanning import chosen
from engine.errors import HostshiftError
from engine.inventory import Inventory
from engine.model.facts import Look
from engine.model.host import Host
from engine.model.plan import Plan, combined_digest
from engine.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``run``."""
    parser.add_argument("host", nargs="+", metavar="HOST", help="the hosts that were planned for")
    parser.add_argument("candidate", metavar="CANDIDATE", help="the candidate that was planned")
    parser.add_argument(
        "--confirm",
        required=True,
        metavar="DIGEST",
        help="the digest that `hostshift plan HOST... CANDIDATE` printed",
    )
    add_take(parser)


def run(args: argparse.Namespace) -> int:
    """Look again, plan again, refuse unless it is the confirmed plan, and carry it out."""
    from engine import door

    inventory = door.load(args.inventory)
    hosts = chosen(inventory, args.host)
    return asyncio.run(_run(args, inventory, hosts))


async def _run(args: argparse.Namespace, inventory: Inventory, hosts: Sequence[Host]) -> int:
    from engine import door

    session = door.open_session(inventory, read_only=args.read_only)
    try:
        names = " ".join(host.name for host in hosts)
        session.must_be_allowed_to_change(f"{args.candidate} on {names}")
        looks: dict[str, Look] = {}
        await door.look(session, hosts, "full", lambda look: looks.__setitem__(look.host, look))
        pairs = tuple((host, looks[host.name]) for host in hosts)
        plans = plan_all(pairs, args.candidate, session.clock.now(), inventory, args.take)
        _must_be_confirmed(session, plans, args.confirm)
        runs: list[str] = []
        return await until_ctrl_c(_carry_out(session, plans, looks, runs), runs)
    finally:
        await door.close(session)
        await session.transport.close()


def _must_be_confirmed(session: Session, plans: tuple[Plan, ...], confirmation: str) -> None:
    from engine.runs.printed import Printed, refusal

    if confirmation != combined_digest(plans):
        raise refusal(Printed(session.state_dir), confirmation, plans)


async def _carry_out(
    session: Session, plans: tuple[Plan, ...], looks: Mapping[str, Look], runs: list[str]
) -> int:
    """Start every host; one that refuses stops nobody else. What was started is added to `runs`."""
    from engine import door

    prefixed = len(plans) > 1
    statuses: list[int] = []
    for plan in plans:
        try:
            run_id = await door.start(session, plan, plan.digest, fresh=looks[plan.host])
        except HostshiftError as error:
            if not prefixed:
                raise
            told(f"{plan.host}: {error}")
            statuses.append(error.exit_status)
        else:
            told(f"{plan.host}: run {run_id}")
            runs.append(run_id)
    ended = await asyncio.gather(*(follow(session, run_id, prefixed) for run_id in runs))
    statuses += [exit_status(run) for run in ended]
    sys.stdout.flush()
    return max(statuses, key=_severity)


def _severity(status: int) -> int:
    """A failure counts more than a question, a question more than a refusal."""
    return (0, 5, 3, 4, 2, 1).index(status)
