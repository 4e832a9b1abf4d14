"""The verb: look at a host for its replacement, name the successor, tell what follows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from engine.candidates.replace import moving
from engine.clock import rfc3339
from engine.dns import Survey, Wire, open_wire, survey
from engine.dns.document import name_document
from engine.dns.marks import marks
from engine.health.reach import place_of
from engine.model.facts import Facts
from engine.model.host import Host
from engine.model.json_form import to_json
from engine.preflight.ask import preflight
from engine.preflight.judge import judge
from engine.preflight.values import Report
from engine.session import Session
from engine.successor import names_of, propose


async def examine(session: Session, host: Host, facts: Facts | None = None) -> Report:
    """What stands before the replacement of a host. Changes nothing anywhere.

    Args:
        facts: Of a full look, which asked the DNS for names that are taken.

    Raises:
        HostshiftError: the host could not be looked at; see `preflight`.
    """
    host = moving(host)
    wire = None if session.resolves is None else open_wire(read_only=True)
    surveying = asyncio.create_task(_survey(session, host, wire), name="survey names")
    try:
        found = await preflight(session.transport, host, session.clock)
        names = await surveying
    finally:
        surveying.cancel()
        await asyncio.gather(surveying, return_exceptions=True)
    marked = None
    if wire is not None and names is not None:
        own = [address for _, address in found.addresses or ()]
        marked = await marks(wire, names, own, [zone.name for zone in session.inventory.zones])
    dns_names = facts.taken_in_dns if facts is not None else None
    successor = propose(host, {*names_of(session.inventory), *(dns_names or ())})
    findings = judge(host, found, successor, names, marked, dns_asked=dns_names is not None)
    return Report(successor, found, findings, None if names is None else names.names)


async def _survey(session: Session, host: Host, wire: Wire | None) -> Survey | None:
    """What every name server and resolver says of the names of the services that move."""
    if wire is None or not any(service.names for service in host.services):
        return None
    inventory = replace(session.inventory, hosts=(host,))
    return await survey(wire, session.clock, inventory, {host.name: await place_of(host)})


def report_document(report: Report) -> dict[str, Any]:
    """The report as plain data: ``preflight`` of ``plan --json`` (docs/replace.md)."""
    found = to_json(report.found)
    found["taken_at"] = rfc3339(report.found.taken_at)
    return {
        "successor": to_json(report.successor),
        "findings": [to_json(finding) for finding in report.findings],
        "found": found,
        "names": None if report.names is None else [name_document(named) for named in report.names],
    }
