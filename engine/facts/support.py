"""When the support of an operating system's release ends."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from importlib import resources

from engine.model.facts import OperatingSystem


@cache
def _ends() -> dict[str, dict[str, date]]:
    text = resources.files("engine.facts").joinpath("support.json").read_text("utf-8")
    return {
        system: {version: date.fromisoformat(end) for version, end in releases.items()}
        for system, releases in json.loads(text)["support_ends"].items()
    }


def support_ends(system: OperatingSystem) -> date | None:
    """The last day with security updates that come without a subscription; None if unknown."""
    releases = _ends().get(system.id or "", {})
    return releases.get(system.version_id or "")
