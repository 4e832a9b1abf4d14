"""What an import finds, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FoundHost:
    """A host of another tool's file; None is what that file doesn't say."""

    name: str
    address: str | None = None
    port: int | None = None
    user: str | None = None
    identity: str | None = None
    jump: str | None = None
    become: bool | None = None
    local: bool = False
    groups: tuple[str, ...] = ()


@dataclass(slots=True)
class Found:
    """What was found in a file.

    Attributes:
        kind: What sort of file it is, for the heading of what is written.
        left_out: Names that were not taken, with the reason.
        remarks: What the reader of the new inventory should know.
    """

    source: Path
    kind: str
    hosts: list[FoundHost] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
