"""What commands share that ask no host: the inventory if there is one, and the recorded runs."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.inventory import Inventory
from engine.session import Session


@asynccontextmanager
async def recorded(args: argparse.Namespace) -> AsyncIterator[Session]:
    """A read-only session whose store of runs is open.

    Raises:
        InputError: the inventory that is there has errors.
        StoreError: the store can't be read.
    """
    from engine import door

    session = door.open_session(inventory_or_empty(args), read_only=True)
    try:
        await door.open_runs(session)
        yield session
    finally:
        await door.close(session)
        await session.transport.close()


def inventory_or_empty(args: argparse.Namespace) -> Inventory:
    """The inventory, which may name other places; an empty one where there is none."""
    from engine import door
    from engine.inventory import NoInventoryError

    try:
        return door.load(args.inventory)
    except NoInventoryError:
        return Inventory(path=Path("inventory.toml"))
