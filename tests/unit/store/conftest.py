"""The store on both databases: an empty one for each test, and a clock that tests can set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store import open_store
from engine.store.store import Store
from tests.unit.store.postgres import Server
from tests.unit.store.values import Machine


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture
def postgresql_url(server: Server) -> str:
    return server.emptied()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest) -> str:
    """Where an empty store may be made."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def machine() -> Machine:
    """This machine's clock, for SQLite."""
    return Machine()


@pytest.fixture
def store(url: str, machine: Machine) -> Iterator[Store]:
    made = open_store(url, clock=machine)
    yield made
    made.close()
