"""One real sshd for the tests that only run scripts on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.transport.servers import Sshd, running_sshd


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server whose key is known and whose identity is let in."""
    place: Path = tmp_path_factory.mktemp("sshd")
    with running_sshd(place) as server:
        server.trust()
        yield server
