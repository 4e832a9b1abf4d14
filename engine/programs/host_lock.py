"""hostshift's own lock on a host, as the probe's section ``lock`` shows it.

First the lock's one line of JSON, then ``unit=``, ``job=``, ``process=`` and ``exit=`` lines.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from engine.model.facts import HostLock
from engine.programs.lines import single
from engine.text import clean, decode

_ALIVE = ("active", "activating", "reloading", "deactivating")


def parse(output: bytes, now: datetime | None) -> tuple[bool, HostLock | None]:
    """Whether a lock file is there, and what it says; (True, None) where it can't be read.

    Args:
        output: The section.
        now: The host's own clock, which the lock's times are told by.
    """
    if not output.strip():
        return False, None
    first, _, rest = output.lstrip().partition(b"\n")
    try:
        held = json.loads(decode(first))
    except (ValueError, RecursionError):
        return True, None
    if not isinstance(held, dict) or not _text(held, "run"):
        return True, None
    signs = single(rest)
    heartbeat = _moment(held.get("heartbeat"))
    age = None
    if heartbeat is not None and now is not None:
        age = max(0, int((now - heartbeat).total_seconds()))
    return True, HostLock(
        run=_text(held, "run") or "",
        host=_text(held, "host"),
        candidate=_text(held, "candidate"),
        step=_text(held, "step"),
        operator=_text(held, "operator"),
        since=_moment(held.get("since")),
        digest=_text(held, "digest"),
        boot_id=_text(held, "boot_id"),
        job_alive=_alive(signs),
        job_exit=_exit(signs.get("exit")),
        heartbeat_age_s=age,
        claim=held.get("claim") is True,
    )


def _alive(signs: dict[str, str]) -> bool | None:
    unit = signs.get("unit", "").removeprefix("ActiveState=")
    if unit in _ALIVE or signs.get("process") == "alive":
        return True
    if unit in ("inactive", "failed") or signs.get("process") == "gone" or "exit" in signs:
        return False
    return None


def _exit(text: str | None) -> int | None:
    text = text or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else None


def _text(held: dict[str, Any], key: str) -> str | None:
    value = held.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return (clean(value).replace("\n", " ")[:200] or None) if isinstance(value, str) else None


def _moment(value: object) -> datetime | None:
    """A moment in RFC 3339 or in seconds since 1970."""
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            if value.isascii() and value.isdigit():
                return datetime.fromtimestamp(int(value[:12]), UTC)
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
