"""The columns of a table of package changes."""

from __future__ import annotations

from engine.model.facts import Change
from tui.widgets.columns import Cell, Column, cut_left
from tui.words import Tone

_SIGNS: dict[str, tuple[str, Tone]] = {
    "upgrade": ("↑ upgrade", "plain"),
    "install": ("+ install", "accent"),
    "remove": ("✗ remove", "bad"),
    "downgrade": ("↓ downgrade", "warn"),
}


def package_key(change: Change) -> str:
    """What tells one change from another."""
    versions = f"{change.from_version} {change.to_version}"
    return f"{change.name}:{change.architecture}:{change.action} {versions}"


def _name(change: Change, width: int) -> Cell:
    return ((change.name, "strong"),)


def _action(change: Change, width: int) -> Cell:
    if change.security and change.action == "upgrade":
        return (("! security", "warn"),)
    sign = _SIGNS[change.action]
    return (sign, (" !", "warn")) if change.security else (sign,)


def _from(change: Change, width: int) -> Cell:
    return ((cut_left(change.from_version or "–", width), "muted"),)


def _to(change: Change, width: int) -> Cell:
    return ((cut_left(change.to_version or "–", width), "plain"),)


def _origin(change: Change, width: int) -> Cell:
    return ((change.origin or "unknown", "muted"),)


def package_columns() -> tuple[Column[Change], ...]:
    """Name, versions, what happens (with the security mark), origin."""
    return (
        Column("name", "Package", 16, 34, _name, lambda c: c.name, essential=True),
        Column("from", "From", 16, 22, _from, essential=True),
        Column("to", "To", 16, 22, _to, essential=True),
        Column(
            "action",
            "Action",
            11,
            12,
            _action,
            lambda c: (not c.security, c.action),
            essential=True,
        ),
        Column("origin", "Origin", 14, 44, _origin, lambda c: c.origin),
    )
