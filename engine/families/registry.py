"""All families. Who asks here gets a `Family` and never needs to know which one."""

from __future__ import annotations

from engine.families.apt import FAMILY as APT
from engine.families.protocol import Family, Sections
from engine.families.rpm_ostree import FAMILY as RPM_OSTREE
from engine.families.unknown import FAMILY as UNKNOWN

FAMILIES: tuple[Family, ...] = (RPM_OSTREE, APT, UNKNOWN)
"""In the order in which they are asked; the last one takes every host."""


def recognise(sections: Sections) -> Family:
    """The family of a host by what the probe found."""
    return next((family for family in FAMILIES if family.recognises(sections)), UNKNOWN)


def family(name: str) -> Family:
    """The family of a name; one that this version doesn't know is treated as unknown."""
    return next((family for family in FAMILIES if family.name == name), UNKNOWN)
