"""``hostshift plan``: the exact steps of one candidate on some hosts; changes nothing."""

from __future__ import annotations

import argparse
import asyncio
import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime

from engine.candidates.boot import boot_chain
from engine.commands import preflight
from engine.commands.recorded import recorded
from engine.commands.scanning import Pair, chosen, look_at_hosts
from engine.commands.status import as_text
from engine.errors import HostshiftError
from engine.facts.failure import as_error
from engine.inventory import Inventory
from engine.model.plan import Plan, combined_digest
from engine.plan import make_plan, plan_document, replacing
from engine.risk import Circumstances
from engine.risk.words import in_words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``plan``."""
    parser.add_argument("host", nargs="+", metavar="HOST", help="the hosts to plan for")
    parser.add_argument(
        "candidate",
        metavar="CANDIDATE",
        help="what `status` names (upgrade, dist-upgrade, ...), or a chore: refresh, repair, clean",
    )
    parser.add_argument("--json", action="store_true", help="the plan as JSON (schema 1)")
    add_take(parser)


def add_take(parser: argparse.ArgumentParser) -> None:
    """The option that `plan` and `run` share."""
    parser.add_argument(
        "--take",
        action="append",
        default=[],
        metavar="PATH",
        help="a configuration file of which the package's version is taken; without it yours stays",
    )


def run(args: argparse.Namespace) -> int:
    """Look at the hosts, plan, print. One digest binds what was printed for all of them."""
    from engine import door, session
    from engine.runs.printed import Printed

    inventory = door.load(args.inventory)
    hosts = chosen(inventory, args.host)
    pairs, now = look_at_hosts(args, inventory, hosts, "full")
    # Looked at even where it is blocked, so that a person learns what has to be mended.
    replaces = args.candidate == "replace"
    found = preflight.reports(args, inventory, pairs) if replaces else {}
    try:
        plans = plan_all(pairs, args.candidate, now, inventory, args.take)
    except HostshiftError:
        if replaces and args.json:
            preflight.show_blocked(pairs, found, now)
        raise
    plans = asyncio.run(_measured(args, inventory, plans))
    if not args.read_only:
        # So that `run` can say what has changed since.
        Printed(session.state_directory()).keep(plans)
    if args.json:
        document = plan_document(plans)
        for one in document.get("plans", [document]) if replaces else ():
            one.update(preflight.part(found, one["host"]))
        sys.stdout.write(as_text(document))
    else:
        sys.stdout.write(shown(plans))
    return 0


async def _measured(
    args: argparse.Namespace, inventory: Inventory, plans: tuple[Plan, ...]
) -> tuple[Plan, ...]:
    """With what earlier runs took; a store that can't be read costs only that."""
    from engine import door
    from engine.session import STORE_FILE, state_directory

    try:
        if inventory.store_url is None and not (state_directory() / STORE_FILE).exists():
            return plans  # nothing was ever run from here
        async with recorded(args) as session:
            return tuple(door.measured_plan(session, plan) for plan in plans)
    except HostshiftError:
        return plans


def plan_all(
    pairs: tuple[Pair, ...],
    candidate: str,
    now: datetime,
    inventory: Inventory,
    take: Sequence[str] = (),
) -> tuple[Plan, ...]:
    """A plan for each host; none at all when one host has none, since one digest binds them all.

    Raises:
        HostshiftError: of the kind of the first host's failure, with what every host said.
    """
    whole = inventory.whole_groups(host.name for host, _ in pairs)
    plans: list[Plan] = []
    errors: list[HostshiftError] = []
    for host, look in pairs:
        if look.facts is None:
            errors.append(as_error(look))
            continue
        try:
            around = Circumstances(whole_group=host.redundancy in whole)
            about = replacing(inventory, host, look.facts)
            plans.append(
                make_plan(host, look.facts, candidate, now, inventory.hooks, around, about, take)
            )
        except HostshiftError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        first = errors[0]
        first.message = "\n".join(error.message for error in errors)
        first.hint = f"{first.hint} Or plan without the hosts that are named here."
        raise first
    return tuple(plans)


def shown(plans: tuple[Plan, ...]) -> str:
    """Plans for people: packages, steps with their commands, risk, and how to confirm."""
    parts = [_plan(plan) for plan in plans]
    names = " ".join(plan.host for plan in plans)
    confirm = f"hostshift run {names} {plans[0].candidate} --confirm {combined_digest(plans)}"
    parts.append(f"To carry it out:\n  {confirm}\n")
    return "\n".join(parts)


def _plan(plan: Plan) -> str:
    lines = [f"{plan.candidate} on {plan.host}"]
    for change in plan.changes or ():
        old, new = change.from_version or "(new)", change.to_version or "(removed)"
        mark = "  security" if change.security else ""
        lines.append(f"  {change.action:<9} {change.name}  {old} -> {new}{mark}")
    lines += [f"  {text}" for text in _effects(plan)]
    for number, step in enumerate(plan.steps, 1):
        takes = f", about {step.expected_s} s" if step.expected_s is not None else ""
        lines.append(f"{number}. {step.title} ({step.where}{takes})")
        lines += [f"     {command}" for command in step.commands]
        lines += [f"     {text}" for text in step.undo]
    if plan.risk is not None:
        lines.append(f"risk {plan.risk.score} of 100 ({plan.risk.level})")
        lines += textwrap.wrap(
            " ".join(in_words(plan.risk)), 78, initial_indent="  ", subsequent_indent="  "
        )
        for factor in plan.risk.factors:
            said = f"{factor.value}; {factor.evidence} ({factor.origin})"
            text = f"{factor.points:+d} {factor.id}: {said}"
            lines += textwrap.wrap(text, 78, initial_indent="  ", subsequent_indent="     ")
    lines.append(f"digest {plan.digest}")
    return "\n".join(lines) + "\n"


def _effects(plan: Plan) -> list[str]:
    effects = plan.effects
    found = []
    if effects.reboot:
        found.append("wants a reboot afterwards")
    if effects.units:
        found.append(f"restarts or stops services: {', '.join(effects.units)}")
    if effects.conffiles:
        names = ", ".join(effects.conffiles)
        found.append(f"keeps configuration files that were changed on the host: {names}")
    if effects.containers:
        found.append(f"stops containers: {', '.join(effects.containers)}")
    if chain := boot_chain(plan.changes or ()):
        found.append(f"changes what the next boot runs first: {', '.join(chain)}")
    if effects.download_bytes:
        found.append(f"downloads {effects.download_bytes / 1_000_000:.1f} MB")
    window = plan.outage_window
    if window.expected_s == 0:
        found.append("interrupts no service")
    elif window.expected_s is not None:
        found.append(f"interrupts services for about {window.expected_s} s ({window.source})")
    else:
        found.append("how long services are interrupted is not known")
    return found
