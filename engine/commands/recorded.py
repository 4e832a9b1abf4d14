"""What ``runs``, ``log`` and ``export`` share: the recorded runs, read without asking any host."""

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

    session = door.open_session(_inventory(args), read_only=True)
    try:
        await door.open_runs(session)
        yield session
    finally:
        await door.close(session)
        await session.transport.close()


def _inventory(args: argparse.Namespace) -> Inventory:
    """The inventory, which may name another store; none is needed where there is none."""
    from engine import door
    from engine.inventory import NoInventoryError

    try:
        return door.load(args.inventory)
    except NoInventoryError:
        return Inventory(path=Path("inventory.toml"))
