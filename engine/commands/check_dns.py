"""``hostshift check --dns``: whether the services' names lead where the inventory says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import dns
from engine.clock import SystemClock
from engine.dns.document import name_document, problem_document, server_document
from engine.dns.survey import MEND, UNREACHED
from engine.errors import (
    HostshiftError,
    NeedsPersonError,
    ReadOnlyError,
    UnreachableError,
)
from engine.health.reach import place_of
from engine.inventory import Inventory, Zone

FAILED = HostshiftError.exit_status


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked and tried."""

    survey: dns.Survey
    proofs: tuple[dns.Proof, ...]

    @property
    def exit_status(self) -> int:
        """1: a proof failed; 4: records or servers need a person; 3: servers weren't reached."""
        if not all(proof.ok for proof in self.proofs):
            return FAILED
        problems = self.survey.all_problems
        wrong = [named for named in self.survey.names if named.verdict in MEND]
        puzzling = [
            named
            for named in self.survey.names
            if named.verdict == "unknown" and any(a.answered for a in named.answers)
        ]
        if wrong or puzzling or any(problem.kind not in UNREACHED for problem in problems):
            return NeedsPersonError.exit_status
        return UnreachableError.exit_status if problems else 0


def ask(inventory: Inventory, *, scratch: bool, read_only: bool) -> Found:
    """Ask every name server and resolver; with ``scratch`` prove each zone's updates first.

    Raises:
        ReadOnlyError: a zone was to be changed, and this hostshift is read-only.
    """
    return asyncio.run(_ask(inventory, scratch=scratch, read_only=read_only))


async def _ask(inventory: Inventory, *, scratch: bool, read_only: bool) -> Found:
    if scratch and read_only:
        raise ReadOnlyError("the scratch record of check --dns")
    wire = dns.open_wire(read_only=not scratch)
    zones = [zone for zone in inventory.zones if scratch and zone.server is not None]
    proofs = await asyncio.gather(*(_prove(wire, zone, inventory) for zone in zones))
    hosts = [host for host in inventory.hosts if any(s.names for s in host.services)]
    where = {host.name: await place_of(host) for host in hosts}
    return Found(await dns.survey(wire, SystemClock(), inventory, where), tuple(proofs))


async def _prove(wire: dns.Wire, zone: Zone, inventory: Inventory) -> dns.Proof:
    try:
        key = await dns.read_key(zone, inventory.path.resolve().parent)
    except HostshiftError as error:
        problem = dns.Problem(error.kind, error.message, error.hint)
        return dns.Proof(zone.name, ok=False, problem=problem)
    return await dns.prove(wire, SystemClock(), zone, key)


def show(found: Found) -> None:
    """Print it for people: what was found, and on standard error what to do about it."""
    survey = found.survey
    proofs = {proof.zone: proof for proof in found.proofs}
    lines: list[str] = []
    for zone in dict.fromkeys((*survey.servers, *proofs)):
        lines += ["", f"zone {zone}"]
        lines += _columns([_server(survey, zone, s) for s in survey.servers.get(zone, ())])
        if zone in proofs:
            lines += _proof(proofs[zone])
    for named in survey.names:
        lines += ["", named.shown]
        lines += _columns([(a.server.shown, a.shown) for a in named.answers])
    print("\n".join(lines))
    sys.stdout.flush()
    for message, hint in _complaints(found):
        print(f"hostshift: {message}\n  hint: {hint}", file=sys.stderr)


def _server(survey: dns.Survey, zone: str, server: dns.Server) -> tuple[str, ...]:
    answers = [a for n in survey.names if n.zone == zone for a in n.answers if a.server == server]
    serial = next((a.serial for a in answers if a.serial is not None), None)
    role = {"primary": "primary", "listed": "name server", "watched": "watched"}[server.role]
    return server.shown, role, "no serial" if serial is None else f"serial {serial}"


def _proof(proof: dns.Proof) -> list[str]:
    left = {True: ["the record is still there"], None: ["the record may still be there"]}
    return [f"  scratch: {line}" for line in (*proof.steps, *left.get(proof.left, ()))]


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _complaints(found: Found) -> list[tuple[str, str]]:
    said = [
        (f"the scratch proof of {proof.zone} failed: {proof.problem.message}.", proof.problem.hint)
        for proof in found.proofs
        if proof.problem is not None and not proof.ok
    ]
    said += [(f"{p.message}.", p.hint) for p in found.survey.all_problems]
    places = dict.fromkeys(n.place for n in found.survey.names if n.place.problem is not None)
    said += [
        (f"where {place.host} is can't be told: {place.address} has no address.", "Mend its name.")
        for place in places
    ]
    said += [
        (f"{named.shown}.", MEND[named.verdict])
        for named in found.survey.names
        if named.verdict in MEND
    ]
    return said


def as_json(found: Found) -> dict[str, Any]:
    """It as a part of the document of ``check --json`` (docs/dns.md)."""
    survey = found.survey
    return {
        "zones": [
            {"name": zone, "servers": [server_document(server) for server in servers]}
            for zone, servers in survey.servers.items()
        ],
        "proofs": [
            {
                "zone": proof.zone,
                "ok": proof.ok,
                "steps": list(proof.steps),
                "problem": problem_document(proof.problem),
                "left": proof.left,
            }
            for proof in found.proofs
        ],
        "names": [name_document(named) for named in survey.names],
        "problems": [problem_document(problem) for problem in survey.all_problems],
    }
