"""The inventory: the TOML file of hosts, services and zones that a team keeps."""

from engine.inventory.errors import InventoryError, InventoryErrors
from engine.inventory.find import NoInventoryError, find
from engine.inventory.load import load
from engine.inventory.value import Hooks, Inventory, Zone

__all__ = [
    "Hooks",
    "Inventory",
    "InventoryError",
    "InventoryErrors",
    "NoInventoryError",
    "Zone",
    "find",
    "load",
]
