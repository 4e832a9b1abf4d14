"""Recognises hosts that apt and dpkg update."""

from __future__ import annotations

from engine.families.protocol import Sections
from engine.programs.lines import pairs


def recognises(sections: Sections) -> bool:
    """Whether apt-get and dpkg-query are there, on a system that isn't an ostree deployment."""
    section = sections.get("host")
    found = set(pairs(section.output)) if section else set()
    return {("has", "apt-get"), ("has", "dpkg-query")} <= found and ("ostree", "yes") not in found
