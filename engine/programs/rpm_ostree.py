"""``rpm-ostree status --json``: the deployments of an image-based host, in boot order.

Source: rpm-ostree's rust/src/daemon.rs (``deployment_populate_variant``) and
src/daemon/rpmostreed-deployment-utils.cxx. Index 0 boots next; the order is never sorted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.model.facts import Deployment
from engine.text import clean, clean_line, decode

_MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Status:
    """What ``status --json`` told.

    Attributes:
        transaction: The method of the transaction that runs, or None.
        driver: The program that drives updates, such as Zincati.
    """

    deployments: tuple[Deployment, ...]
    transaction: str | None = None
    driver: str | None = None


def parse(output: bytes, exit_status: int | None = 0) -> Status | None:
    """Read the status; None where it isn't one."""
    if exit_status != 0:
        return None
    try:
        document = json.loads(decode(output))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("deployments"), list):
        return None
    entries = document["deployments"]
    if not all(isinstance(entry, dict) for entry in entries):
        return None  # leaving one out would shift what boots next
    rollback = _rollback_index(entries)
    return Status(
        tuple(_deployment(i, entry, i == rollback) for i, entry in enumerate(entries)),
        _transaction(document.get("transaction")),
        _driver(document.get("update-driver")),
    )


def next_boot(deployments: tuple[Deployment, ...]) -> Deployment | None:
    """The deployment that the next boot starts and that doesn't run now, or None.

    A staged one whose finalization is locked is not applied by a reboot; then the first that is
    not so counts. Where none is booted (a live medium, a container) nothing is pending.
    """
    if not any(deployment.booted for deployment in deployments):
        return None
    for deployment in deployments:
        if deployment.staged and deployment.locked:
            continue
        return None if deployment.booted else deployment
    return None


def _rollback_index(entries: list[dict[str, Any]]) -> int | None:
    # The first of the same osname after the booted one (ostree_sysroot_query_deployments_for).
    booted = next((i for i, entry in enumerate(entries) if entry.get("booted") is True), None)
    if booted is None:
        return None
    for index in range(booted + 1, len(entries)):
        if entries[index].get("osname") == entries[booted].get("osname"):
            return index
    return None


def _deployment(index: int, entry: dict[str, Any], rollback: bool) -> Deployment:
    # With layered packages the commit is local; what was delivered is the base.
    unlocked = _text(entry.get("unlocked"))
    return Deployment(
        index=index,
        version=_text(entry.get("base-version")) or _text(entry.get("version")),
        checksum=_text(entry.get("checksum")),
        image=_text(entry.get("container-image-reference")),
        origin=_text(entry.get("origin")),
        booted=entry.get("booted") is True,
        staged=entry.get("staged") is True,
        rollback=rollback,
        pinned=entry.get("pinned") is True,
        unlocked=None if unlocked == "none" else unlocked,
        layered=_layered(entry),
        timestamp=_moment(entry.get("base-timestamp")) or _moment(entry.get("timestamp")),
        locked=entry.get("finalization-locked") is True,
        end_of_life=_text(entry.get("endoflife")),
    )


def _layered(entry: dict[str, Any]) -> tuple[str, ...]:
    names: set[str] = set()
    for key in ("packages", "requested-local-packages"):
        value = entry.get(key)
        if isinstance(value, list):
            names.update(filter(None, (_text(name) for name in value)))
    return tuple(sorted(names))


def _transaction(value: object) -> str | None:
    if isinstance(value, list) and value:
        return _text(value[0]) or "a transaction"
    return None


def _driver(value: object) -> str | None:
    return _text(value.get("driver-name")) if isinstance(value, dict) else None


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return clean_line(clean(value).replace("\n", " "), _MAX_TEXT) or None


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None
