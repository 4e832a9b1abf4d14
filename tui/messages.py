"""What the bridge tells the screens. At most ten of each a second, however busy the engine is."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from engine.errors import HostshiftError


@dataclass
class HostsChanged(Message, bubble=False):
    """Something new is known of these hosts."""

    names: frozenset[str]


@dataclass
class RunsChanged(Message, bubble=False):
    """These runs (by id) have a new snapshot."""

    ids: frozenset[str]


@dataclass
class ScanProgress(Message, bubble=False):
    """A scan went on, or ended when nobody is left: ``done`` of ``total`` hosts have answered."""

    done: int
    total: int
    active: bool


@dataclass
class InventoryChanged(Message, bubble=False):
    """The inventory's file is another one than was read."""


@dataclass
class Trouble(Message, bubble=False):
    """The engine could not do what was asked."""

    error: HostshiftError
