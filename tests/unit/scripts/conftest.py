"""A session on an inventory with a directory of scripts; what a test starts is ended after it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.inventory import Inventory
from engine.inventory.value import Hooks
from engine.session import Session
from engine.transport.credentials import Credentials
from engine.transport.local import LocalTransport
from tests.unit.builders import host

MARK = "HOSTSHIFT_TEST_MARK"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session whose scripts carry a mark, so that only they are ended."""
    monkeypatch.setenv(MARK, str(tmp_path))
    (tmp_path / "inventory").mkdir()
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    credentials = Credentials()
    yield Session(
        inventory=Inventory(
            tmp_path / "inventory" / "inventory.toml", (host("server1"),), hooks=Hooks()
        ),
        transport=LocalTransport(credentials),
        credentials=credentials,
        state_dir=state,
        operator="eve@laptop",
    )
    until = time.monotonic() + 10
    while left := marked(str(tmp_path)):
        assert time.monotonic() < until, left
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def marked(mark: str) -> list[int]:
    """Processes that were started with this mark in their environment; never this one."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone, or not ours
            words = (directory / "environ").read_bytes().split(b"\0")
            if f"{MARK}={mark}".encode() in words and int(directory.name) != os.getpid():
                found.append(int(directory.name))
    return found
