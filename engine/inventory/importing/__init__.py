"""A first inventory from what a team already has: OpenSSH or Ansible files.

Nothing in those files is executed or evaluated; they are only read.
"""

from engine.inventory.importing.sources import read_source
from engine.inventory.importing.writing import write_inventory

__all__ = ["read_source", "write_inventory"]
