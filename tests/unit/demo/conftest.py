"""A few hosts of the fleet, served, and the real transport on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.demo.fleet import FLEET
from engine.demo.hosts import DemoHost
from engine.demo.opening import Fleet, serve_fleet
from engine.inventory import Inventory, load
from engine.shell import Script
from engine.transport.client_config import ClientConfig
from engine.transport.credentials import Credentials
from engine.transport.protocol import Completed
from engine.transport.ssh import SshTransport

NOW = datetime(2026, 3, 25, 9, 30, tzinfo=UTC)


def hosts(*names: str) -> tuple[DemoHost, ...]:
    """Some hosts of the fleet: to make and look at all of them takes seconds."""
    return tuple(host for host in FLEET if host.name in names)


FEW = hosts(*(f"server{number}" for number in (2, 5, 6, 7, 8, 9, 13, 14)))


@contextmanager
def served() -> Iterator[Fleet]:
    with serve_fleet(now=NOW, clock_stands=True, pace=0, hosts=FEW) as fleet:
        yield fleet


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with served() as fleet:
        yield fleet


@pytest.fixture
def inventory(fleet: Fleet) -> Inventory:
    return load(fleet.inventory)


@pytest.fixture
async def transport(fleet: Fleet, inventory: Inventory) -> AsyncIterator[SshTransport]:
    opened = SshTransport(
        inventory,
        Credentials(),
        host_root=lambda host: str(fleet.root(host.name)),
        config=ClientConfig(fleet.client_config, None),
    )
    yield opened
    await opened.close()


class Shell:
    """Runs script text on a demo host, as the engine would."""

    def __init__(self, inventory: Inventory, transport: SshTransport) -> None:
        self.inventory = inventory
        self.transport = transport

    async def __call__(
        self, host: str, text: str, *args: str, sink: Callable[[bytes], None] | None = None
    ) -> Completed:
        return await self.transport.run(
            self.inventory.host(host),
            Script("test.sh", text, args),
            as_root="if-possible",
            deadline_s=30,
            sink=sink,
        )

    async def lines(self, host: str, text: str, *args: str) -> list[str]:
        done = await self(host, text, *args)
        assert done.exit_status == 0, (done.stdout + done.stderr).decode()
        return done.stdout.decode().splitlines()


@pytest.fixture
def shell(inventory: Inventory, transport: SshTransport) -> Shell:
    return Shell(inventory, transport)


def package_state(root: Path) -> str:
    return root.joinpath("var/lib/dpkg/status").read_text("utf-8")
