"""Releases of Debian and Ubuntu: names, and what follows which (distro-info(1))."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from engine.model.facts import OperatingSystem


@cache
def _data() -> Any:
    return json.loads(
        resources.files("engine.programs").joinpath("distro_info.json").read_text("utf-8")
    )


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a distribution: its number and the name that its archive has."""

    version: str
    codename: str


def next_release(system: OperatingSystem) -> Release | None:
    """The stable release of Debian that follows; None where there is none, or none is known."""
    names = _data()["names"].get(system.id or "", {})
    version = system.version_id or ""
    following = str(int(version) + 1) if version.isdecimal() and version in names else ""
    return Release(following, names[following]) if following in names else None


def known_until() -> str:
    """The day of the bundled data, as an ISO date."""
    return str(_data()["date"])
