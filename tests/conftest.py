"""What holds for all tests: which of them take real time, and the one PostgreSQL server of them."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.unit.store.postgres import Server

HERE = Path(__file__).parent
SLOW = (
    "tui",  # draws screens
    "unit/demo",  # starts the whole demo
    "unit/guard/test_scripts.py",  # waits for deadlines, under three shells
    "unit/facts/test_probe_script.py",  # waits for programs that hang
    "unit/health/test_jump.py",  # a real sshd
    "unit/health/test_script.py",  # waits for checks that hang
    "unit/jobs",  # runs jobs under three shells
    "unit/reboot/test_script.py",  # reboots under three shells
    "unit/runs/test_durable.py",  # leases that run out
    "unit/runs/test_driving.py",  # cuts links and waits
    "unit/runs/test_killed.py",  # a run for each transaction
    "unit/runs/test_two_hostshifts.py",  # real processes on the demo's hosts
    "unit/scripts",  # real processes, deadlines
    "unit/store/test_loops.py",  # kills and races; all that needs PostgreSQL marks itself
    "unit/transport/test_local.py",
    "unit/transport/test_ssh.py",  # a real sshd
    "unit/transport/test_ssh_failures.py",
    "unit/transport/test_tunnel.py",
    "unit/writers",  # waits for deadlines, under three shells
)

# Who begins this in the background has it ignore SIGINT, and so would every program that a test
# starts to be interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A submission is judged by the same examples each time; everywhere else others are tried each time.
# Other work shares the machine, so how long one example takes tells nothing.
settings.register_profile("hostshift", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("hostshift")

# The screens make and drop so much that a quarter of their tests' time went to looking for cycles.
gc.set_threshold(100_000, 50, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow by where it stands."""
    for item in items:
        place = item.path.relative_to(HERE).as_posix()
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One PostgreSQL server for all tests of this session."""
    from tests.unit.store.postgres import MISSING, binaries, running

    programs = binaries()
    if programs is None:
        pytest.skip(MISSING)
    with running(programs) as server:
        yield server
