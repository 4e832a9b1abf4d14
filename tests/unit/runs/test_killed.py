"""A hostshift that is killed after any transaction of its store, and the one that takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.model.plan import BaselineAct, Step, VerifyAct
from engine.runs.ledger import Ledger
from engine.store.store import Store
from tests.unit.jobs.local_host import until
from tests.unit.runs.conftest import World, plan_of
from tests.unit.runs.test_durable import ended, vanish

TRANSACTIONS = 24
"""More than such a run has."""


@pytest.mark.parametrize("last", range(1, TRANSACTIONS + 1))
async def test_whoever_takes_over_brings_it_to_a_true_end(
    world: World, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    job = plan_of("echo acted").steps[0]
    baseline = Step("baseline", "Note what works", "host", BaselineAct())
    verify = Step("verify", "Look again", "host", VerifyAct(baseline="baseline"))
    world.plan = replace(world.plan, steps=(baseline, job, verify))
    first = world.desk()
    await first.open()
    died = asyncio.Event()
    transactions = 0
    call = Ledger.call

    async def counted(ledger: Ledger, act: Callable[[Store], Any]) -> Any:
        nonlocal transactions
        if ledger is first._ledger:
            transactions += 1
            if transactions > last:
                died.set()
                await asyncio.Event().wait()
        return await call(ledger, act)

    monkeypatch.setattr(Ledger, "call", counted)
    starting = asyncio.create_task(first.start(world.plan, world.plan.digest))
    await until(lambda: died.is_set() or any(known.record.settled for known in first._ledger.all()))
    starting.cancel()
    await vanish(first)
    second = world.desk()
    await second.open()
    run = next((run.id for run in second.list_runs()), None)
    if run is None:
        assert not world.has_lock()
        return
    if not second.get(run).ended or world.has_lock():
        await second.take_over(run, "it was killed")
    found = await ended(second, run)
    assert found.state in ("succeeded", "cancelled")
    assert "There was nothing to do." not in found.reason
    log = world.job(run) / "log"
    lines = log.read_bytes().splitlines() if log.exists() else []
    assert lines.count(b"acted") == (1 if found.state == "succeeded" else 0)
    assert not world.has_lock()
