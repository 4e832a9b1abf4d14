"""A plan as plain data, in the shape of ``plan --json`` (docs/status-json.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.clock import rfc3339
from engine.model.candidate import Candidate, Risk
from engine.model.host import Host
from engine.model.json_form import to_json
from engine.model.plan import Plan, Step, combined_digest

SCHEMA = 1


def plan_document(plans: Sequence[Plan]) -> dict[str, Any]:
    """One host's plan; for several hosts all of them under ``plans``, with the common digest.

    Raises:
        ValueError: there is no plan.
    """
    if not plans:
        raise ValueError("a document needs at least one plan")
    if len(plans) == 1:
        return {"schema": SCHEMA, **_plan(plans[0])}
    return {
        "schema": SCHEMA,
        "digest": combined_digest(tuple(plans)),
        "plans": [_plan(plan) for plan in plans],
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "host": plan.host,
        "candidate": plan.candidate,
        "digest": plan.digest,
        "created_at": rfc3339(plan.created_at),
        "steps": [_step(step) for step in plan.steps],
        "effects": to_json(plan.effects),
        "risk": risk_form(plan.risk),
        "outage_window_s": {
            "expected": plan.outage_window.expected_s,
            "from": plan.outage_window.source,
        },
    }


def blocked_document(host: Host, candidate: Candidate, created_at: datetime) -> dict[str, Any]:
    """A candidate that can't be planned, in a plan's shape: no digest, no steps, its blockers."""
    return {
        "host": host.name,
        "candidate": candidate.id,
        "digest": None,
        "created_at": rfc3339(created_at),
        "steps": [],
        "effects": to_json(candidate.effects),
        "risk": risk_form(candidate.risk),
        "outage_window_s": {"expected": None, "from": "unknown"},
        "blockers": [to_json(blocker) for blocker in candidate.blockers],
    }


def risk_form(risk: Risk | None) -> dict[str, Any] | None:
    """A risk as it is shown; what only the record of runs remembers is left out."""
    if risk is None:
        return None
    form: dict[str, Any] = to_json(risk)
    del form["chances"]
    return form


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "title": step.title,
        "where": step.where,
        "commands": list(step.commands),
        "gate": step.gate,
        "reversible": step.reversible,
        "undo": list(step.undo),
        "expected_s": step.expected_s,
    }
