"""A host in a directory, under each shell that hosts have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs.mirror import Mirror
from tests.unit.jobs.local_host import SHELLS, LocalHost, under


@pytest.fixture(params=SHELLS)
def lan(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalHost]:
    """A host whose scripts are read by the shell of the parameter."""
    made = under(str(request.param), tmp_path / "host")
    # What the scripts start by the name of sh: the runner and the job's own script.
    made.double("sh", f'exec {" ".join(made.shell)} "$@"\n')
    made.hasten()
    yield made
    made.end()


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "state" / "log")
