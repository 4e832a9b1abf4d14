"""What is wrong with an inventory, each fault with the place where it can be mended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError


@dataclass(frozen=True, slots=True)
class InventoryError:
    """One fault.

    Attributes:
        line: Counted from 1; None when the fault belongs to no line (an unreadable file).
        key_path: Keys joined as TOML writes them (``hosts.server1.port``), empty for the file.
        message: What is wrong, without the place.
        suggestion: What to write or do instead, where there is something to say.
    """

    file: Path
    line: int | None
    key_path: str
    message: str
    suggestion: str | None = None

    def place(self) -> str:
        """``file:line``, or the file alone."""
        return str(self.file) if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        parts = [self.place(), self.key_path, self.message]
        text = ": ".join(part for part in parts if part)
        return text if self.suggestion is None else f"{text}; {self.suggestion}"


class InventoryErrors(InputError):  # noqa: N818 - one exception that carries many
    """Every fault of one inventory at once, in the order of the file."""

    kind = "inventory"

    def __init__(self, errors: Iterable[InventoryError], *, hint: str | None = None) -> None:
        self.errors = tuple(errors)
        super().__init__(
            "\n".join(str(error) for error in self.errors),
            hint=hint or "Mend the lines named above; `hostshift check` reads the file again.",
        )
