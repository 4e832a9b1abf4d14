"""Reading an inventory: every fault at once, or the value."""

from __future__ import annotations

from pathlib import Path

from engine.inventory.value import Inventory


def load(path: Path) -> Inventory:
    """Read and check one inventory.

    Relative paths in it count from the directory of the file that ``path`` leads to.

    Raises:
        InventoryErrors: every fault that was found, with its line.
    """
    # Building the schema costs a tenth of a second: --help and the first paint don't wait for it.
    from engine.inventory.reading import read

    return read(path)
