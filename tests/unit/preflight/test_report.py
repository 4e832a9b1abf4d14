"""A preflight of a host that can't be asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.errors import UnreachableError
from engine.inventory import Inventory
from engine.preflight import examine, report
from engine.session import Session
from engine.transport.credentials import Credentials
from engine.transport.local import LocalTransport
from tests.unit.preflight.test_judge import ready


async def test_no_question_to_the_dns_outlives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def silent(*_: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def unreachable(*_: Any) -> None:
        await began.wait()
        raise UnreachableError("no route to host", hint="look at the cable")

    monkeypatch.setattr(report, "_survey", silent)
    monkeypatch.setattr(report, "preflight", unreachable)
    credentials = Credentials()
    session = Session(
        Inventory(tmp_path / "inventory.toml", hosts=(ready(),)),
        LocalTransport(credentials),
        credentials,
        tmp_path,
    )
    with pytest.raises(UnreachableError):
        await examine(session, ready())
    assert ended.is_set()
