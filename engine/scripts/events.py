"""What a script is told: the event, and the variables of its environment. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from engine.clock import rfc3339
from engine.model.host import Host
from engine.model.run import Run

SCHEMA: Final = 1
VARIABLES: Final = (
    "HOSTSHIFT_RUN",
    "HOSTSHIFT_OLD",
    "HOSTSHIFT_OLD_ADDRESS",
    "HOSTSHIFT_NEW",
    "HOSTSHIFT_NEW_ADDRESS",
    "HOSTSHIFT_SERVICE",
    "HOSTSHIFT_PASS",
    "HOSTSHIFT_SNAPSHOT",
)
"""Those that are not given to a script are taken out of its environment."""


def event(name: str, run: Run, step: str | None, what: str, now: datetime) -> dict[str, Any]:
    """An event about a run, in the shape that docs/hooks.md promises.

    Args:
        name: ``before``, ``after`` or ``notify``.
        step: The step that it is about.
        what: What happened: ``begins``, ``gate``, ``ended``, ...
    """
    return {
        "schema": SCHEMA,
        "event": name,
        "run": run.id,
        "host": run.host,
        "hosts": [run.host],
        "candidate": run.candidate,
        "operator": run.operator,
        "digest": run.digest,
        "state": run.state,
        "step": step,
        "what": what,
        "reason": list(run.reason),
        "at": rfc3339(now),
    }


def environment(
    run: str,
    old: Host,
    *,
    new: str | None = None,
    new_address: str | None = None,
    service: str | None = None,
    sync_pass: str | None = None,
    snapshot: str | None = None,
) -> dict[str, str]:
    """The variables of a script, without those that have nothing to say."""
    values = (run, old.name, old.address, new, new_address, service, sync_pass, snapshot)
    return {name: value for name, value in zip(VARIABLES, values, strict=True) if value}


def encoded(data: Mapping[str, Any]) -> bytes:
    """One line of JSON in ASCII, so that no name can be more than text to who reads it."""
    return json.dumps(data, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
