"""The document of ``status --json`` (schema 1), and scans that are saved and asked again.

What a host did not tell is null; every key is always there. The shape is docs/status-json.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pydantic import ValidationError

from engine.candidates import foresee
from engine.clock import rfc3339
from engine.errors import InputError
from engine.model.candidate import Candidate, Foresight
from engine.model.facts import Change, Deployment, Facts, Failure, HostLock, Look, Packages
from engine.model.host import Host
from engine.model.json_form import from_json, to_json
from engine.model.run import State
from engine.plan.document import risk_form
from engine.risk import model, parameters
from engine.text import clean

SCHEMA = 1


def document(looks: Sequence[tuple[Host, Look]], now: datetime) -> dict[str, Any]:
    """What the looks found and what follows from it, hosts sorted by name. Pure.

    Args:
        now: The time at which waiting and support are judged.
    """
    ordered = sorted(looks, key=lambda pair: pair[0].name)
    return {
        "schema": SCHEMA,
        "model": to_json(model(host for host, _ in ordered)),
        "hosts": [_host(host, look, now) for host, look in ordered],
    }


def saved(looks: Sequence[tuple[Host, Look]], now: datetime) -> dict[str, Any]:
    """The document with what it was made from, so that `from_saved` needs nothing else."""
    whole = document(looks, now)
    whole["saved_at"] = now.isoformat()
    ordered = sorted(looks, key=lambda pair: pair[0].name)
    for entry, (host, look) in zip(whole["hosts"], ordered, strict=True):
        entry["facts"] = {"host": to_json(host), "look": to_json(look)}
    return whole


def from_saved(data: object) -> tuple[tuple[tuple[Host, Look], ...], datetime]:
    """The looks of a saved scan, and the time at which it was taken.

    Raises:
        InputError: this isn't a scan that was saved with ``--save``.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or "saved_at" not in data:
        raise _not_a_scan("it has no schema 1 and no time")
    try:
        now = datetime.fromisoformat(data["saved_at"])
        facts = [_cleaned(entry["facts"]) for entry in data["hosts"]]
        looks = tuple((from_json(Host, f["host"]), from_json(Look, f["look"])) for f in facts)
        for host, _ in looks:
            parameters(host.risk)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error.error_count()} faults" if isinstance(error, ValidationError) else str(error)
        raise _not_a_scan(what) from error
    if now.tzinfo is None:
        raise _not_a_scan("its time has no zone")
    return looks, now


def _cleaned(data: Any) -> Any:
    """A file comes from outside as much as a host's words do; what was clean stays as it is."""
    if isinstance(data, str):
        return clean(data)
    if isinstance(data, list):
        return [_cleaned(item) for item in data]
    return {k: _cleaned(v) for k, v in data.items()} if isinstance(data, dict) else data


def _not_a_scan(why: str) -> InputError:
    return InputError(
        f"This is not a scan that hostshift saved: {why}.",
        hint="Make one with: hostshift status --save FILE",
    )


# -- one host ----------------------------------------------------------------------------------


def _host(host: Host, look: Look, now: datetime) -> dict[str, Any]:
    facts = look.facts
    foreseen = None if facts is None else foresee(host, facts, now)
    return {
        "name": host.name,
        "address": host.address,
        "reachable": facts is not None,
        "error": _error(look.error),
        "probed_at": rfc3339(look.taken_at),
        "depth": look.depth if facts is None else facts.depth,
        "problems": [] if facts is None else _problems(facts),
        **_declared(host),
        **_seen(facts, now),
        **_foreseen(foreseen),
        "run": None if facts is None else _run(facts.lock),
    }


def _error(failure: Failure | None) -> dict[str, str] | None:
    if failure is None:
        return None
    return {"kind": failure.kind, "message": failure.message, "hint": failure.hint}


def _problems(facts: Facts) -> list[dict[str, str]]:
    found = [{"section": p.section, "message": p.message, "hint": p.hint} for p in facts.problems]
    return sorted(found, key=lambda p: (p["section"], p["message"]))


def _declared(host: Host) -> dict[str, Any]:
    return {
        "outage": host.outage,
        "groups": sorted(host.groups),
        "redundancy": host.redundancy,
        "exposed": host.exposed,
        "console": host.console,
        "retiring": host.retiring,
    }


_EPOCH = datetime.fromtimestamp(0, UTC)
_NOTHING_SEEN = Facts(host="", taken_at=_EPOCH, depth="light", privileged=False, family="unknown")


def _seen(facts: Facts | None, now: datetime) -> dict[str, Any]:
    seen = facts or _NOTHING_SEEN
    lock = seen.dpkg_lock
    return {
        "uptime_s": seen.uptime_s,
        "boot_id": seen.boot_id,
        "failed_units": _sorted(seen.failed_units),
        "backup_age_s": seen.backup_age_s,
        "filesystems": _objects(seen.filesystems, "mount"),
        "dpkg_lock": None if lock is None else {"pid": lock.pid, "command": lock.command},
        "os": _os(seen, now.date()),
        "family": seen.family,
        "virtualization": seen.virtualization,
        "kubernetes_node": seen.kubernetes_node,
        "lists_age_s": seen.lists_age_s,
        "kernel": to_json(seen.kernel),
        "reboot": {"required": seen.reboot.required, "reasons": sorted(seen.reboot.reasons)},
        "packages": _packages(seen.packages or Packages()),
        "deployments": _deployments(facts),
        "auto_updates": _objects(seen.auto_updates, "name"),
        "services_to_restart": _sorted(seen.services_to_restart),
        "containers": _objects(seen.containers, "name"),
    }


def _sorted(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _objects(values: Sequence[object] | None, key: str) -> list[dict[str, Any]] | None:
    if values is None:
        return None
    plain: list[dict[str, Any]] = [to_json(value) for value in values]
    return sorted(plain, key=lambda item: str(item[key]))


def _os(facts: Facts, today: date) -> dict[str, Any]:
    system = facts.os
    ends = system.support_ends
    return {
        "id": system.id,
        "version_id": system.version_id,
        "codename": system.codename,
        "pretty_name": system.pretty_name,
        "support_ends": None if ends is None else ends.isoformat(),
        "support_ended": None if ends is None else ends < today,
    }


def _packages(packages: Packages) -> dict[str, Any]:
    return {
        "upgradable": packages.upgradable,
        "security": packages.security,
        "held": _sorted(packages.held),
        "kept_back": _sorted(packages.kept_back),
        "phased": _sorted(packages.phased),
        "esm": _sorted(packages.esm),
        "broken": _objects(packages.broken, "name"),
    }


def _deployments(facts: Facts | None) -> list[dict[str, Any]] | None:
    if facts is None:
        return None
    if facts.deployments is None:
        # A family without deployments has none; one with them that couldn't be read isn't known.
        return [] if facts.packages is not None else None
    return [_deployment(deployment) for deployment in facts.deployments]


def _deployment(deployment: Deployment) -> dict[str, Any]:
    moment = deployment.timestamp
    return {
        "index": deployment.index,
        "version": deployment.version,
        "checksum": deployment.checksum,
        "image": deployment.image,
        "origin": deployment.origin,
        "booted": deployment.booted,
        "staged": deployment.staged,
        "rollback": deployment.rollback,
        "pinned": deployment.pinned,
        "unlocked": deployment.unlocked,
        "layered": sorted(deployment.layered),
        "timestamp": None if moment is None else rfc3339(moment),
    }


def _run(lock: HostLock | None) -> dict[str, Any] | None:
    """The run that holds the host's own lock, as far as the host tells its state."""
    if lock is None:
        return None
    return {
        "id": lock.run,
        "kind": lock.candidate,
        "state": _run_state(lock),
        "operator": lock.operator,
        "started_at": None if lock.since is None else rfc3339(lock.since),
        "step": lock.step,
    }


HEARTBEAT_FRESH_S = 120
"""A controller that was heard of within this time is still between two jobs."""


def _run_state(lock: HostLock) -> State:
    """The state that the lock alone is evidence for."""
    if lock.claim:
        return "waiting"
    age = lock.heartbeat_age_s
    between_jobs = lock.job_alive is False and age is not None and age <= HEARTBEAT_FRESH_S
    if lock.job_alive or between_jobs:
        return "running"
    # Its job has ended or can't be seen, and nobody has looked yet at what came of it.
    return "unknown"


# -- what follows ------------------------------------------------------------------------------


def _foreseen(foreseen: Foresight | None) -> dict[str, Any]:
    if foreseen is None:
        return {"candidates": [], "waiting": None, "recommendation": None}
    waiting, recommendation = foreseen.waiting, foreseen.recommendation
    return {
        "candidates": [_candidate(candidate) for candidate in foreseen.candidates],
        "waiting": None if waiting is None else to_json(waiting),
        "recommendation": None if recommendation is None else to_json(recommendation),
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    changes = candidate.changes
    return {
        "id": candidate.id,
        "kind": candidate.kind,
        "subset": candidate.subset,
        "to": candidate.to,
        "changes": None if changes is None else [_change(change) for change in _in_order(changes)],
        "effects": to_json(candidate.effects),
        "blockers": [to_json(blocker) for blocker in candidate.blockers],
        "risk": risk_form(candidate.risk),
    }


def _in_order(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda c: (c.name, c.architecture or "", c.action))


def _change(change: Change) -> dict[str, Any]:
    return {
        "name": change.name,
        "from": change.from_version,
        "to": change.to_version,
        "origin": change.origin,
        "security": change.security,
        "action": change.action,
    }
