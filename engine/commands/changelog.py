"""``hostshift changelog``: what a host's pending updates change and which holes they close."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from engine.commands.status import as_text
from engine.errors import InputError
from engine.facts.changelogs import Changelog
from engine.facts.failure import as_error
from engine.model.facts import Cve
from engine.model.host import Host
from engine.programs.debian_changelog import Entry, News
from engine.published import Published, published
from engine.risk.waiting import is_exploited

SCHEMA = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``changelog``."""
    parser.add_argument("host", metavar="HOST", help="the host whose apt is asked")
    parser.add_argument(
        "package", nargs="*", metavar="PACKAGE", help="only these packages or source packages"
    )
    parser.add_argument("--json", action="store_true", help="as JSON (schema 1)")


def run(args: argparse.Namespace) -> int:
    """Look at the host, let its apt fetch what isn't kept yet, print."""
    from engine import door

    inventory = door.load(args.inventory)
    host = inventory.host(args.host)
    fetched, data = asyncio.run(_fetch(args, host, inventory))
    found = chosen(fetched, args.package, host.name)
    if args.json:
        document = {
            "schema": SCHEMA,
            "host": host.name,
            "changelogs": [_document(one, data) for one in found],
        }
        sys.stdout.write(as_text(document))
    else:
        sys.stdout.write(shown(found, host.name, data))
    return 0


async def _fetch(
    args: argparse.Namespace, host: Host, inventory: Any
) -> tuple[tuple[Changelog, ...], Published]:
    from engine import door

    session = door.open_session(inventory, read_only=args.read_only)
    try:
        look = await door.look_at(session, host, "full")
        if look.facts is None:
            raise as_error(look)
        found = await door.changelogs(session, host, look.facts)
        return found, published(session.state_dir)
    finally:
        await session.transport.close()


def chosen(found: Sequence[Changelog], packages: Sequence[str], host: str) -> tuple[Changelog, ...]:
    """Those of these packages or source packages; all where none is named.

    Raises:
        InputError: no update of one of them is pending.
    """
    for package in packages:
        if not any(package in _names(one) for one in found):
            raise InputError(
                f"No update of the source package {package} is pending on {host}.",
                hint=f"See what is, without naming one: hostshift changelog {host}",
            )
    return tuple(one for one in found if not packages or _names(one) & set(packages))


def _names(one: Changelog) -> set[str]:
    return {one.wanted.source, one.wanted.package}


def shown(found: Sequence[Changelog], host: str, data: Published) -> str:
    """For people: each update with its urgency, holes and text, the newest entry first."""
    if not found:
        return f"{host} has no pending update of an installed Debian package.\n"
    lines: list[str] = []
    for one in found:
        want = one.wanted
        lines.append(f"{want.source}  {want.installed} -> {want.candidate}")
        if one.via is None:
            lines += [f"  no data: {one.why}", ""]
            continue
        lines += _news(one.changes, data)
        if one.news is not None and one.news.entries:
            lines += ["  NEWS", *_news(one.news, data)]
        lines.append("")
    return "\n".join(lines)


def _news(news: News, data: Published) -> list[str]:
    lines = []
    for entry in news.entries:
        written = entry.written.isoformat() if entry.written else "no date"
        lines.append(f"  {entry.version}  {written}  urgency {entry.urgency or 'not said'}")
        if entry.cves:
            lines.append(f"    closes {', '.join(_hole(data.cve(one)) for one in entry.cves)}")
        lines += [f"  {line}" for line in entry.lines]
    if not news.complete:
        lines.append("  (what was had doesn't go back to the installed version)")
    elif not news.entries:
        lines.append("  nothing between these versions: the same source, built again")
    return lines


def _hole(cve: Cve) -> str:
    if is_exploited(cve):
        return f"{cve.id} (known to be exploited)"
    return f"{cve.id} (expected to be exploited soon)" if cve.predicted else cve.id


def _document(one: Changelog, data: Published) -> dict[str, Any]:
    want = one.wanted
    return {
        "source": want.source,
        "package": want.package,
        "from": want.installed,
        "to": want.candidate,
        "via": one.via,
        "why": one.why,
        "complete": None if one.via is None else one.changes.complete,
        "entries": [_entry(entry, data) for entry in one.changes.entries],
        "news": [_entry(entry, data) for entry in one.news.entries] if one.news else None,
    }


def _entry(entry: Entry, data: Published) -> dict[str, Any]:
    return {
        "version": entry.version,
        "date": entry.written.isoformat() if entry.written else None,
        "urgency": entry.urgency,
        "cves": [_cve(data.cve(cve)) for cve in entry.cves],
        "closes": list(entry.closes),
        "text": list(entry.lines),
    }


def _cve(cve: Cve) -> dict[str, Any]:
    return {
        "id": cve.id,
        "exploited": is_exploited(cve),
        "predicted": cve.predicted,
        "vector": cve.vector,
    }
