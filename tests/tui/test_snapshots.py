"""Pictures of the screens, on a fleet in memory and a clock that stands still.

Draw them anew with ``pytest tests/tui/test_snapshots.py --snapshot-update`` and look at each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.conftest import Opened
from tests.tui.fake_bridge import (
    FakeVerbs,
    RealForesight,
    fake_session,
    fill_record,
    left_alone,
    small_fleet,
    with_conffiles,
)
from tui.app import HostshiftApp

Way = Callable[[Opened], Awaitable[None]]
SIZES = [(80, 24), (200, 60)]
LOG = b"".join(
    b"Get:%d http://deb.example.org/debian-security bookworm-security/main amd64 lib%d [%d kB]\n"
    % (i, i, 40 * i)
    for i in range(1, 70)
)
EVIDENCE = (
    "The unit hostshift-20261123-0258-web2-upgrade.service is not there.",
    "The process 4711 of the run is not there, nor another with its start time.",
    "grace@desk was last heard of 3 days ago, by the host's clock.",
    "The lock was taken in the boot that is still running.",
)


class Compare(Protocol):
    def __call__(
        self,
        app: HostshiftApp,
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[int]], Awaitable[None]],
    ) -> bool: ...


async def keys(it: Opened) -> None:
    await it.on("HostKeysScreen")


async def fleet(it: Opened) -> None:
    await it.scanned()
    await it.until(lambda: "9 reachable" in it.text())


async def fleet_filtered(it: Opened) -> None:
    await fleet(it)
    await it.press("space", "slash")
    await it.type("security -blocked")
    await it.settle()


async def host(it: Opened) -> None:
    await fleet(it)
    it.app.screen.query_one("#fleet").move_to_key("gitlab")  # type: ignore[attr-defined]
    await it.press("enter")
    await it.on("HostScreen")
    await it.settle()


async def plan(it: Opened) -> None:
    await host(it)
    await it.press("u")
    await it.on("PlanScreen")
    await it.until(lambda: "digest" in it.text())


async def conffiles(it: Opened) -> None:
    await plan(it)
    await it.press("f")
    await it.on("ConffilesScreen")
    await it.until(lambda: "differs" in it.text())
    await it.press("t")


async def confirm(it: Opened) -> None:
    await plan(it)
    await it.press("y")
    await it.on("ConfirmScreen")
    await it.type("git")


async def run(it: Opened) -> None:
    await confirm(it)
    await it.type("lab")
    await it.press("enter")
    await it.on("RunScreen")
    await it.until(lambda: "database 100%" in it.text())


async def history(it: Opened) -> None:
    await it.scanned()
    await it.press("H")
    await it.on("HistoryScreen")
    await it.until(lambda: "retired7" in it.text())
    await it.settle()


async def history_filtered(it: Opened) -> None:
    await history(it)
    await it.press("slash")
    await it.type("grace -failed")
    await it.settle()


async def waiting(it: Opened) -> None:
    await history(it)
    run_id = it.app.screen.query_one("#history").cursor_key  # type: ignore[attr-defined]
    it.verbs.logs[run_id, "upgrade"] = LOG
    await it.press("enter")
    await it.on("RunScreen")
    await it.until(lambda: "goes on by itself" in it.text())


async def steps(it: Opened) -> None:
    await waiting(it)
    await it.press("2")
    await it.until(lambda: "$ apt-get" in it.text())


async def journal(it: Opened) -> None:
    await waiting(it)
    await it.press("4")
    await it.until(lambda: "Attached, read-only." in it.text())


async def gate(it: Opened) -> None:
    await waiting(it)
    await it.press("y")
    await it.on("ConfirmScreen")


async def export(it: Opened) -> None:
    await history(it)
    await it.press("e")
    await it.on("ExportScreen")


async def hard_stop(it: Opened) -> None:
    await run(it)
    await it.press("S")
    await it.on("ConfirmScreen")


async def lock(it: Opened) -> None:
    await fleet(it)
    it.app.screen.query_one("#fleet").move_to_key("web2")  # type: ignore[attr-defined]
    await it.press("enter")
    await it.on("HostScreen")
    await it.press("b")
    await it.on("ConfirmScreen")


async def what_if(it: Opened) -> None:
    await host(it)
    await it.press("w")
    await it.on("WhatIfScreen")
    await it.until(lambda: "Suppose that" in it.text())
    await it.press("o")
    await it.press("e")
    await it.until(lambda: "SUPPOSED" in it.text())


async def help_page(it: Opened) -> None:
    await fleet(it)
    await it.press("question_mark")
    await it.on("HelpScreen")


def compare(
    snap_compare: Compare,
    way: Way,
    size: tuple[int, int],
    theme: str = "hostshift-dark",
    *,
    read_only: bool = False,
) -> bool:
    hosts, looks = small_fleet()
    verbs = (RealForesight if way is what_if else FakeVerbs)(dict(looks))
    verbs.logs["run-1", "upgrade"] = LOG + b"Reading database 5%\rReading database 100%"
    if way in RECORDED:
        fill_record(verbs)
    if way is conffiles:
        edited = ("/etc/ssl/openssl.cnf", "/etc/ssl/private/a [bold]name[/].conf")
        verbs.looks["gitlab"] = with_conffiles(looks["gitlab"], *edited)
    if way is lock:
        verbs.looks["web2"] = left_alone(looks["web2"])
        verbs.evidence = EVIDENCE
    session = fake_session(hosts, demo=True, read_only=read_only)
    app = HostshiftApp(session, verbs, theme=theme)
    app.animation_level = "none"

    async def before(pilot: Pilot[int]) -> None:
        it = Opened(app, pilot, verbs)
        await way(it)
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause()

    return snap_compare(app, terminal_size=size, run_before=before)


RECORDED = (history, history_filtered, waiting, steps, journal, gate, export)
WAYS = (
    *(keys, fleet, fleet_filtered, host, plan, conffiles, confirm, run, help_page),
    *(*RECORDED, hard_stop, lock, what_if),
)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x60"])
@pytest.mark.parametrize("way", WAYS)
def test_screen(snap_compare: Compare, way: Way, size: tuple[int, int]) -> None:
    assert compare(snap_compare, way, size)


@pytest.mark.parametrize("theme", ["hostshift-light", "ansi-dark", "nord"])
@pytest.mark.parametrize("way", [fleet, host])
def test_theme(snap_compare: Compare, way: Way, theme: str) -> None:
    assert compare(snap_compare, way, (120, 36), theme)


@pytest.mark.parametrize("way", [history, waiting, gate])
def test_sixteen_colours(snap_compare: Compare, way: Way) -> None:
    assert compare(snap_compare, way, (100, 30), "ansi-dark")


def test_read_only(snap_compare: Compare) -> None:
    assert compare(snap_compare, plan, (100, 30), read_only=True)
