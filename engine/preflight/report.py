"""The verb: look at a host for its replacement, name the successor, tell what follows."""

from __future__ import annotations

from typing import Any

from engine.candidates.replace import moving
from engine.clock import rfc3339
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
    found = await preflight(session.transport, host, session.clock)
    dns_names = facts.taken_in_dns if facts is not None else None
    successor = propose(host, {*names_of(session.inventory), *(dns_names or ())})
    findings = judge(host, found, successor, dns_asked=dns_names is not None)
    return Report(successor, found, findings)


def report_document(report: Report) -> dict[str, Any]:
    """The report as plain data: ``preflight`` of ``plan --json`` (docs/replace.md)."""
    found = to_json(report.found)
    found["taken_at"] = rfc3339(report.found.taken_at)
    return {
        "successor": to_json(report.successor),
        "findings": [to_json(finding) for finding in report.findings],
        "found": found,
    }
