"""Gates and endings are told once, and nothing that goes wrong with it touches the run."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

from engine.inventory.value import Hooks
from engine.scripts import complaints, follow, notify
from engine.session import Session
from tests.unit.scripts.scripts import NOW, RUN, run_of
from tests.unit.transport.waiting import eventually

WAITING = run_of(state="waiting", reason=("It waits for a person.",))


def _with(session: Session, line: str, deadline_s: int = 20) -> Session:
    hooks = Hooks(notify=line, deadline_s=deadline_s)
    return replace(session, inventory=replace(session.inventory, hooks=hooks))


def _told(session: Session) -> list[dict[str, object]]:
    file = session.inventory.path.parent / "told"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def test_each_gate_and_each_ending_is_told_once(session: Session) -> None:
    session = _with(session, "sh -c 'cat >>told'")
    again = replace(WAITING, reason=("Still.",))
    later = replace(WAITING, since=NOW + timedelta(hours=1))
    ended = run_of(state="succeeded")
    for run, what, step in (
        (WAITING, "gate", "approve"),
        (again, "gate", "approve"),  # the same gate, seen by the next hostshift
        (WAITING, "gate", "second"),
        (later, "gate", "approve"),
        (ended, "ended", None),
        (ended, "ended", None),
    ):
        assert await notify(session, run, what, step) is None
    await eventually(lambda: len(_told(session)) == 4)
    await _all_ended(session)
    told = _told(session)
    assert len(told) == 4
    assert sorted((str(e["what"]), str(e["step"]), str(e["state"])) for e in told) == [
        ("ended", "None", "succeeded"),
        ("gate", "approve", "waiting"),
        ("gate", "approve", "waiting"),
        ("gate", "second", "waiting"),
    ]
    assert all(set(e) == {
        *("schema", "event", "run", "host", "hosts", "candidate", "operator", "digest"),
        *("state", "step", "what", "reason", "at"),
    } for e in told)  # fmt: skip
    assert {(e["schema"], e["event"], str(e["hosts"])) for e in told} == {
        (1, "notify", "['server1']")
    }
    assert await complaints(session, RUN) == ()


async def _all_ended(session: Session) -> None:
    for place in (session.state_dir / "runs" / RUN).iterdir():
        assert not (await follow(session, RUN, place.name, seconds=20)).alive


async def test_a_slow_one_is_not_waited_for_and_a_failing_one_is_named(session: Session) -> None:
    session = _with(session, "sh -c 'echo no pager; exec sleep 60'", deadline_s=2)
    async with asyncio.timeout(10):
        assert await notify(session, WAITING, "gate", "approve") is None
    assert await complaints(session, RUN) == ()  # it may yet succeed
    await _all_ended(session)
    said = await complaints(session, RUN)
    assert len(said) == 2
    assert "was ended at its deadline of 2 s" in said[0]
    assert said[1] == "Last it said: no pager"


async def test_who_can_not_be_told_is_said_and_not_raised(session: Session) -> None:
    assert await notify(session, WAITING, "gate") is None  # there is no hook
    session = _with(session, "true")
    (session.state_dir / "runs").write_text("a file where a directory belongs")
    said = await notify(session, WAITING, "gate")
    assert said is not None
    assert said.startswith("The notify script was not told: ")
    gone = replace(WAITING, host="not in the inventory any more")
    assert "not in the inventory" in str(await notify(session, gone, "gate"))
    assert await notify(replace(session, read_only=True), WAITING, "gate") is None
