"""``hostshift conffiles``: configuration files that a candidate asks about, as diffs."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from engine.commands.status import as_text
from engine.errors import InputError
from engine.facts.conffiles import ConffileTexts, asked_files
from engine.facts.failure import as_error
from engine.inventory import Inventory
from engine.model.host import Host

SCHEMA = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``conffiles``."""
    parser.add_argument("host", metavar="HOST", help="the host whose apt is asked")
    parser.add_argument("candidate", metavar="CANDIDATE", help="such as upgrade or dist-upgrade")
    parser.add_argument("--json", action="store_true", help="as JSON (schema 1)")


def run(args: argparse.Namespace) -> int:
    """Look at the host, let its apt fetch the packages, print. Nothing is kept or changed."""
    from engine import door

    inventory = door.load(args.inventory)
    host = inventory.host(args.host)
    found = asyncio.run(_read(args, host, inventory))
    if args.json:
        files = [_document(one) for one in found]
        document = {"schema": SCHEMA, "host": host.name, "candidate": args.candidate}
        sys.stdout.write(as_text({**document, "conffiles": files}))
    else:
        sys.stdout.write(shown(found, host.name, args.candidate))
    return 0


async def _read(
    args: argparse.Namespace, host: Host, inventory: Inventory
) -> tuple[ConffileTexts, ...]:
    from engine import door
    from engine.candidates import picked

    session = door.open_session(inventory, read_only=args.read_only)
    try:
        look = await door.look_at(session, host, "full")
        if look.facts is None:
            raise as_error(look)
        now = session.clock.now()
        foreseen = door.foresee(host, look.facts, now)
        candidate = foreseen.candidate(args.candidate) or picked(
            host, look.facts, args.candidate, now
        )
        later = candidate is not None and candidate.kind == "release-upgrade"
        if candidate is None or (candidate.changes is None and not later):
            raise InputError(
                f"It isn't known which packages {args.candidate} would change on {host.name}.",
                hint=f"hostshift status {host.name} shows the candidates.",
            )
        files = asked_files(look.facts.packages, candidate.changes)
        return await door.read_conffiles(session, host, files)
    finally:
        await session.transport.close()


def shown(found: Sequence[ConffileTexts], host: str, candidate: str) -> str:
    """For people: a diff for each, and how to take the package's version."""
    if not found:
        return f"{candidate} asks about no configuration file of {host}.\n"
    lines: list[str] = []
    for one in found:
        asked = one.asked
        lines.append(f"{asked.path}  ({' '.join(filter(None, (asked.package, asked.version)))})")
        if one.why is not None:
            lines.append(f"  no data: {one.why}")
        elif one.asks is False:
            lines.append(
                "  the new version changes nothing about it: yours stays, nothing is asked"
            )
        else:
            lines += [f"  {line}" for line in one.difference()]
        lines.append("")
    asking = [one for one in found if one.asks is not False]
    if asking:
        paths = " ".join(f"--take {shlex.quote(one.asked.path)}" for one in asking)
        lines += [
            "Yours are kept, with the package's version beside them as .dpkg-dist. To take the",
            f"package's instead: hostshift plan {host} {candidate} {paths}",
            "",
        ]
    return "\n".join(lines)


def _document(one: ConffileTexts) -> dict[str, Any]:
    return {
        "path": one.asked.path,
        "package": one.asked.package,
        "version": one.asked.version,
        "asks": one.asks,
        "why": one.why,
        "removed": one.here is None and one.why is None,
        "difference": list(one.difference()) if one.why is None else None,
    }
