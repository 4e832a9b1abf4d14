"""What GRUB boots by itself, and whether it could boot another entry once (grub_menu.sh)."""

from __future__ import annotations

from engine.model.facts import GrubMenu
from engine.programs.lines import pairs

_FIRST = ("", "0")
"""What stands for the first entry, which is the newest kernel."""


def devices_gone(output: bytes) -> tuple[str, ...]:
    """Read the section ``grub-devices``: what of them isn't there."""
    return tuple(dict.fromkeys(value for key, value in pairs(output) if key == "gone"))


def parse(output: bytes) -> GrubMenu | None:
    """Read the section ``grub``; None where it holds no menu."""
    said: dict[str, str] = {}
    releases: dict[str, None] = {}
    for key, value in pairs(output):
        if key == "entry":
            releases[value.partition(" ")[0]] = None
        else:
            said.setdefault(key, value)
    if not releases:
        return None
    ours = said.get("ours") == "yes"
    return GrubMenu(
        releases=tuple(releases),
        saved=said.get("saved") == "yes",
        newest=said.get("saved_entry", "") in _FIRST or ours,
        writes=said.get("writes") == "yes",
    )
