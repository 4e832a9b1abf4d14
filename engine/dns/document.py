"""What was asked of the DNS, as plain data for JSON documents (docs/dns.md)."""

from __future__ import annotations

from typing import Any

from engine.dns.survey import Named
from engine.dns.values import Answer, Problem, Server


def name_document(named: Named) -> dict[str, Any]:
    """One name of a service, with what each server answers."""
    return {
        "name": named.name,
        "service": named.service,
        "host": named.place.host,
        "addresses": list(named.place.addresses),
        "zone": named.zone,
        "verdict": named.verdict,
        "answers": [_answer(answer) for answer in named.answers],
    }


def server_document(server: Server) -> dict[str, Any]:
    """One server of a zone."""
    return {
        "name": server.name,
        "address": server.address,
        "port": server.port,
        "role": server.role,
    }


def problem_document(problem: Problem | None) -> dict[str, str] | None:
    """What is wrong with a server, if something is."""
    if problem is None:
        return None
    return {"kind": problem.kind, "message": problem.message, "hint": problem.hint}


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "server": answer.server.address,
        "port": answer.server.port,
        "rcode": answer.rcode,
        "authoritative": answer.authoritative,
        "serial": answer.serial,
        "records": [
            {"type": found.type, "ttl": found.ttl, "values": list(found.values)}
            for found in answer.records
        ],
        "problem": problem_document(answer.problem),
    }
