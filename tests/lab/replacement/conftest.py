"""The world of a replacement."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import HOSTS
from tests.lab.replacement.world import TTL, World, open_world
from tests.lab.session import Lab


@pytest.fixture
def world(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """An old host and all that its replacement needs.

    `indirect` parameters are the names' TTL, and whether the secondary is told of changes.
    """
    hosts = request.node.stash.setdefault(HOSTS, [])
    ttl, notify = getattr(request, "param", (TTL, True))
    with open_world(lab, tmp_path, hosts.append, ttl=ttl, notify=notify) as opened:
        yield opened
