"""The bridge: news together and not too often, one place for what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from textual.message import Message
from textual.message_pump import MessagePump

from engine.errors import HostshiftError, ReadOnlyError, UnreachableError
from engine.model.cutover import CutoverView
from engine.model.facts import Depth, Look
from engine.model.host import Host
from engine.model.json_form import from_json, to_json
from tests.tui.cutovers import RUN, cutting_over, make_view
from tests.tui.fake_bridge import (
    NOW,
    FakeVerbs,
    big_fleet,
    fake_bridge,
    fake_session,
    make_plan,
    make_run,
    small_fleet,
)
from tui.bridge import TELL_EVERY_S, Bridge
from tui.messages import HostsChanged, RunsChanged, ScanProgress, Trouble


class Listener(MessagePump):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def post_message(self, message: Message) -> bool:
        self.heard.append(message)
        return True

    def of(self, kind: type[Message]) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]


class Tasks:
    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def __call__(self, work: Coroutine[Any, Any, None], *, name: str) -> object:
        self.tasks.append(asyncio.ensure_future(work))
        return None

    async def done(self) -> None:
        await asyncio.gather(*self.tasks)


def begun(bridge: Bridge) -> tuple[Listener, Tasks]:
    listener, tasks = Listener(), Tasks()
    bridge.listen(listener)
    bridge.begin(tasks)
    return listener, tasks


async def test_a_scan_of_thousands_is_told_in_a_few_messages() -> None:
    hosts, looks = big_fleet(3_000)
    bridge, _ = fake_bridge(hosts, looks)
    listener, tasks = begun(bridge)
    loop = asyncio.get_running_loop()
    start = loop.time()
    bridge.scan()
    await tasks.done()
    bridge.tell()
    most = 2 + (loop.time() - start) / TELL_EVERY_S
    told = listener.of(HostsChanged)
    assert 1 <= len(told) <= most
    assert frozenset().union(*(message.names for message in told)) == set(looks)
    progress = listener.of(ScanProgress)[-1]
    assert (progress.done, progress.total, progress.active) == (3_000, 3_000, False)


async def test_each_listener_gets_a_message_of_its_own_until_it_leaves() -> None:
    hosts, looks = small_fleet()
    bridge, _ = fake_bridge(hosts, looks)
    first, tasks = begun(bridge)
    second = Listener()
    bridge.listen(second)
    bridge.scan(["db1"])
    await tasks.done()
    bridge.tell()
    assert first.of(HostsChanged)[-1] is not second.of(HostsChanged)[-1]
    bridge.unlisten(second)
    bridge.unlisten(second)
    heard = len(second.heard)
    bridge.look("db1")
    await tasks.done()
    bridge.tell()
    assert len(second.heard) == heard


async def test_an_error_of_the_engine_is_told_and_a_bug_is_not_hidden() -> None:
    class Failing(FakeVerbs):
        error: Exception = UnreachableError("gone", hint="look")

        async def look_at(self, host: Host, depth: Depth) -> Look:
            raise self.error

    hosts, looks = small_fleet()
    verbs = Failing(looks)
    bridge = Bridge(fake_session(hosts), verbs)
    listener, tasks = begun(bridge)
    bridge.look("db1")
    await tasks.done()
    assert [trouble.error.message for trouble in listener.of(Trouble)] == ["gone"]
    assert not bridge.known("db1").looking
    verbs.error = KeyError("a bug")
    bridge.look("db1")
    with pytest.raises(KeyError):
        await tasks.tasks[-1]


async def test_runs_are_followed_until_they_end_and_then_their_host_is_looked_at() -> None:
    hosts, looks = small_fleet()
    bridge, verbs = fake_bridge(hosts, looks)
    listener, tasks = begun(bridge)
    run_id = await bridge.start(make_plan(hosts[0], "refresh"))
    assert [run.id for run in bridge.live_runs] == [run_id]
    verbs.runs[run_id] = make_run(run_id, hosts[0].name, "refresh", "succeeded")
    await tasks.tasks[-1]
    assert bridge.live_runs == ()
    await tasks.done()
    bridge.tell()
    assert any(run_id in message.ids for message in listener.of(RunsChanged))
    assert ("full", hosts[0].name) in verbs.asked


async def test_read_only_starts_nothing_and_accepts_nothing() -> None:
    hosts, looks = small_fleet()
    verbs = FakeVerbs(looks)
    bridge = Bridge(fake_session(hosts, read_only=True), verbs)
    listener, tasks = begun(bridge)
    with pytest.raises(ReadOnlyError):
        await bridge.start(make_plan(hosts[0], "upgrade"))
    bridge.scan()
    await tasks.done()
    bridge.accept_keys(bridge.key_offers)
    await tasks.done()
    assert verbs.confirmations == []
    assert verbs.accepted == []
    assert [trouble.error.kind for trouble in listener.of(Trouble)] == ["read-only"]


async def test_a_plan_needs_a_host_that_answers() -> None:
    hosts, looks = small_fleet()
    bridge, _ = fake_bridge(hosts, looks)
    _, tasks = begun(bridge)
    bridge.scan()
    await tasks.done()
    with pytest.raises(HostshiftError, match="no route to host"):
        await bridge.plan("mail", "upgrade")
    plan = await bridge.plan("web1", "upgrade")
    assert plan.host == "web1"
    known = bridge.known("web1")
    assert known.facts is not None
    assert known.facts.depth == "full"


async def test_a_replacement_has_a_cutover_and_goes_back_where_one_may_act() -> None:
    hosts, _ = small_fleet()
    for read_only in (False, True):
        verbs = cutting_over("frozen")
        verbs.runs["run-9"] = make_run("run-9", "db1", "upgrade")
        verbs.cutovers["run-9"] = verbs.cutovers[RUN]
        bridge = Bridge(fake_session(hosts, read_only=read_only), verbs)
        _, tasks = begun(bridge)
        await bridge.history()
        assert await bridge.cutover(RUN) == verbs.cutovers[RUN]
        assert await bridge.cutover("run-9") is None
        if read_only:
            with pytest.raises(ReadOnlyError, match="going back to web1"):
                await bridge.go_back(RUN, "")
        else:
            await bridge.go_back(RUN, "web1")
        assert verbs.decided == ([] if read_only else [("go back", RUN, "web1")])
        verbs.runs = {
            run_id: replace(run, ended_at=NOW, state="cancelled")
            for run_id, run in verbs.runs.items()
        }
        await tasks.done()


def test_a_cutover_goes_through_json() -> None:
    for moment in ("before", "frozen", "turning"):
        view = make_view(moment)
        assert from_json(CutoverView, to_json(view)) == view
