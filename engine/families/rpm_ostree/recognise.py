"""Recognises hosts that rpm-ostree updates.

os-release does not tell (RHEL for Edge looks like RHEL): a booted ostree deployment makes
/run/ostree-booted, and rpm-ostree must be there to manage it.
"""

from __future__ import annotations

from engine.families.protocol import Sections
from engine.programs.lines import pairs


def recognises(sections: Sections) -> bool:
    """Whether an ostree deployment is booted and rpm-ostree is there."""
    section = sections.get("host")
    found = set(pairs(section.output)) if section else set()
    return {("has", "rpm-ostree"), ("ostree", "yes")} <= found
